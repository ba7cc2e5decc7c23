"""The Python project of the interop suite: an app and its tasks. `driver.py` calls from it, a worker runs it.

The settings, under Celery's names, are the JSON in $INTEROP_SETTINGS.
"""
import json
import os
from time import sleep, time

from celery import Celery, chain

from flows import note


def make_app(**changes):
    app = Celery('interop', set_as_current=False)
    app.config_from_object({**json.loads(os.environ['INTEROP_SETTINGS']), **changes})
    return app


app = make_app()


class Unlucky(Exception):
    """An error that only Python knows."""


@app.task(name='py.add')
def add(x, y=0):
    return x + y


@app.task(name='py.echo')
def echo(value):
    return value


@app.task(name='py.describe')
def describe(*args, **kwargs):
    """What the arguments are to Python."""
    return [[type(arg).__name__, repr(arg)] for arg in args] + [
        [name, type(arg).__name__, repr(arg)] for name, arg in sorted(kwargs.items())
    ]


@app.task(name='py.fail')
def fail(kind='ValueError', *args):
    raise {'ValueError': ValueError, 'KeyError': KeyError, 'Unlucky': Unlucky}[kind](*args)


# What random work-flows are made of, the same as in `test/interop/flow-tasks.ts`. The last argument is the task's own mark.

@app.task(name='py.flow.t')
def flow_task(*args):
    *given, mark = args
    note(app, 't', given, mark)
    return list(args)


@app.task(name='py.flow.fail', bind=True)
def flow_fail(self, *args):
    note(app, 'fail', [self.request.id], args[-1])
    raise ValueError(str(args[-1]))


@app.task(name='py.flow.note')
def flow_note(*args):
    """What links call."""
    *given, mark = args
    note(app, 'note', given, mark)
    return list(args)


@app.task(name='py.flow.told', bind=True)
def flow_told(self, *args):
    """An errback that is sent as a task: bound ones always are."""
    *given, mark = args
    note(app, 'told', given, mark)


@app.task(name='py.flow.caught')
def flow_caught(*args):
    """An errback that is called where the task failed; elsewhere it is sent as a task."""
    *given, mark = args
    if len(given) == 3:
        request, error, _ = given
        given = [request.id, str(error)]
    note(app, 'caught', given, mark)


@app.task(name='py.request', bind=True)
def request(self, *names):
    """What the task is told of its call."""
    return {name: getattr(self.request, name) for name in names}


@app.task(name='py.gather')
def gather(*args, **kwargs):
    return {'args': args, 'kwargs': kwargs}


@app.task(name='py.progress', bind=True)
def progress(self):
    self.update_state(state='PROGRESS', meta={'done': 1})
    sleep(0.2)
    return 'done'


@app.task(name='py.now')
def now():
    """Unix time in milliseconds."""
    return time() * 1000


@app.task(name='py.chain')
def call_chain(x):
    """A chain whose middle link runs in TypeScript; its id."""
    steps = [app.signature('py.add', (x, 1)), app.signature('ts.add', (10,)), app.signature('py.add', (100,))]
    return chain(*steps, app=app).apply_async().id


# Both sides have these, on queues that both consume.

@app.task(name='both.who', bind=True)
def who(self, *args, **kwargs):
    return ['py', *args]


@app.task(name='both.work')
def work(kind, number):
    if kind == 'fail':
        raise ValueError(str(number))
    return ['py', {'double': number * 2, 'text': 'ü' * (number % 7), 'list': [number]}[kind]]


@app.task(name='both.flaky', bind=True, max_retries=5)
def flaky(self, fails, queue):
    """Fails so many times, and is tried again on the queue that was named.

    Not at once: Celery stores RETRY after the new attempt is published, which may have ended by then.
    """
    if self.request.retries < fails:
        raise self.retry(args=[fails, queue], queue=queue, countdown=0.1, exc=Unlucky('again'))
    return ['py', self.request.retries]
