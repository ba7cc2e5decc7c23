"""Celery's own picture of a cluster: its receiver in a thread, and its State fed by all that comes."""
import threading
from collections import Counter


class Monitor:
    def __init__(self, app):
        self.state = app.events.State(max_tasks_in_memory=100000)
        self.types = Counter()
        self.errors = []
        self.app = app
        self.ready = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        self.ready.wait(10)

    def run(self):
        try:
            with self.app.connection_for_read() as connection:
                receiver = self.app.events.Receiver(connection, handlers={'*': self.on_event})
                consuming = receiver.on_consume_ready
                receiver.on_consume_ready = lambda *args, **kwargs: (consuming(*args, **kwargs), self.ready.set())
                receiver.capture(limit=None, timeout=None, wakeup=False)
        except Exception as error:
            self.errors.append(repr(error))

    def on_event(self, event):
        self.types[event['type']] += 1
        self.state.event(event)

    def counts(self):
        return dict(self.types)

    def tasks(self):
        """What is known of all tasks, short enough to compare."""
        return {
            task.uuid: [task.state, task.name, task.args, task.retries, task.worker and task.worker.hostname]
            for task in self.state.tasks.values()
        }

    def task(self, uuid):
        return self.state.tasks[uuid].as_dict()

    def runtimes(self):
        return [task.runtime for task in self.state.tasks.values() if task.state == 'SUCCESS']

    def workers(self):
        return {
            name: [worker.alive, worker.sw_ident, worker.freq, worker.processed, worker.active]
            for name, worker in self.state.workers.items()
        }
