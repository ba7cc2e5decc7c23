"""What Celery makes of work-flows: one a line comes in as JSON, what became of it goes out.

In:  {"spec": ["chain", ["t", 1, {}], ["t", 2, {}]], "call": {"args": [], "options": {}}}; see `build` for the words
Out: {"data", "frozen", "messages", "chords", "result"}, or {"error"}: `data` is the plain form, `frozen` the same after
     `freeze()`, with its result. Sending it publishes `messages` (headers and body), tells the backend of `chords` and answers a
     `result` of a kind. Ids are replaced by `id-0`, `id-1` ... in the order in which they come.

With `--record FILE` the flows are those of a file of vectors (`test/wire/canvas-shapes.json`), which is written anew. Needs
Celery and no server: messages are caught before they are published.
"""
import json
import re
import sys
import warnings

from celery import Celery, chain, chord, chunks, group, signals, xmap, xstarmap
from celery.backends.base import BaseKeyValueStoreBackend

warnings.simplefilter('ignore')
UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')


def build(app, spec, name_of=lambda kind, mark: 'proj.%s' % kind, call_options=lambda mark: {}):
    """The signature that a spec describes. Each leaf has a number, which is its argument:

    ["t", n, options], ["si", n] (immutable), ["kw", n, kwargs], ["fail", n]
    ["note", n] (what links are), ["told", n] and ["caught", n] (what errbacks are)
    ["map", n, items], ["starmap", n, items], ["chunks", n, items, size], ["chunked", n, items, size] (its group)
    ["chain", a, ...], ["group", a, ...], ["chord", [a, ...], body], ["pipe", a, b]
    ["link", a, b], ["link_error", a, b], ["set", a, options], ["immutable", a], ["partial", a, args]
    ["clone", a], ["json", a], ["frozen", a], ["stamp", a, stamps]
    """
    kind, *rest = spec

    def leaf(name, mark, **options):
        return app.signature(name_of(name, mark), args=(mark,), **options)

    def again(one):
        return build(app, one, name_of, call_options)

    def bare(mark):
        return app.signature(name_of('t', mark))

    if kind == 't':
        return leaf('t', rest[0], **rest[1])
    if kind == 'si':
        return leaf('t', rest[0], immutable=True)
    if kind == 'kw':
        return leaf('t', rest[0], kwargs=dict(rest[1]))
    if kind in ('fail', 'note', 'told', 'caught'):
        return leaf(kind, rest[0])
    if kind == 'map':
        return xmap(bare(rest[0]), rest[1], app=app).set(**call_options(rest[0]))
    if kind == 'starmap':
        return xstarmap(bare(rest[0]), rest[1], app=app).set(**call_options(rest[0]))
    if kind in ('chunks', 'chunked'):
        made = chunks(bare(rest[0]), *rest[1:], app=app)
        if kind == 'chunks':
            return made.set(**call_options(rest[0]))
        # As a list: what a generator makes is made, and frozen, anew each time it is asked for.
        return group([part.set(**call_options(rest[0])) for part in made.group().tasks], app=app)
    if kind == 'chain':
        return chain([again(one) for one in rest])
    if kind == 'group':
        return group([again(one) for one in rest], app=app)
    if kind == 'chord':
        return chord([again(one) for one in rest[0]], again(rest[1]), app=app)
    if kind == 'pipe':
        return again(rest[0]) | again(rest[1])
    made = again(rest[0])
    if kind == 'link':
        made.link(again(rest[1]))
    elif kind == 'link_error':
        made.link_error(again(rest[1]))
    elif kind == 'set':
        made.set(**rest[1])
    elif kind == 'immutable':
        made.set_immutable(True)
    elif kind == 'partial':
        return made.clone(args=tuple(rest[1]))
    elif kind == 'clone':
        return made.clone()
    elif kind == 'json':
        return app.signature(plain(made))
    elif kind == 'frozen':
        made.freeze()
    elif kind == 'stamp':
        made.stamp(**rest[1])
    else:
        raise ValueError(kind)
    return made


def plain(value):
    return json.loads(json.dumps(value, default=lambda o: o.as_tuple() if hasattr(o, 'as_tuple') else list(o)))


def neutral(value):
    ids = {}
    text = json.dumps(value, sort_keys=True)
    return json.loads(UUID.sub(lambda m: ids.setdefault(m[0], 'id-%d' % len(ids)), text))


def send(app, flow, workers):
    """Send a flow, as JSON, whose tasks run where `workers` says; its result as a tuple."""
    flow = json.loads(flow)

    def side_of(mark):
        return workers if workers != 'both' else ('ts', 'py')[mark % 2]

    def name_of(kind, mark):
        return '%s.flow.%s' % (side_of(mark), kind)

    def call_options(mark):
        return {'queue': {'ts': 'typescript', 'py': 'python'}[side_of(mark)]}

    spec, call = flow['spec'], flow['call']
    # Sent by itself it forgets its own options.
    options = call_options(spec[1]) if spec[0] == 'chunks' else call['options']
    result = build(app, spec, name_of, call_options).apply_async(tuple(call['args']), **options)
    return plain(result.as_tuple())


def data(app, flow):
    """What this version makes of a flow, as JSON."""
    return plain(build(app, json.loads(flow)['spec']))


def note(app, kind, given, mark):
    """Note what a task was given; see `test/interop/flow-tasks.ts`."""
    app.backend.client.rpush('noted', json.dumps([kind, given, mark]))


def noted(app):
    return [json.loads(one) for one in app.backend.client.lrange('noted', 0, -1)]


class Store(BaseKeyValueStoreBackend):
    """Keeps nothing, notes what it is told of chords, and lets there be chords."""
    supports_autoexpire = True

    def __init__(self, app):
        super().__init__(app=app)
        self.started, self.sizes = [], []

    def apply_chord(self, header_result_args, body, **kwargs):
        self.started.append([header_result_args[0], [one.as_tuple() for one in header_result_args[1]]])

    def set_chord_size(self, group_id, chord_size):
        self.sizes.append([group_id, chord_size])

    def ensure_chords_allowed(self):
        pass

    def add_pending_result(self, result, weak=False):
        pass

    def remove_pending_result(self, result):
        pass


def describe(app, sent, flow):
    spec, call = flow['spec'], flow.get('call', {'args': [], 'options': {}})
    data = plain(build(app, spec))
    ready = build(app, spec)
    result = ready.freeze()
    frozen = {'data': plain(ready), 'result': plain(result.as_tuple())}
    store = app.backend
    for notes in (store.started, store.sizes, sent):
        notes.clear()
    result = build(app, spec).apply_async(tuple(call['args']), **call['options'])
    sizes = dict(store.sizes)
    return {
        # Ids are there too, where the spec says so.
        'data': neutral(data),
        'frozen': neutral(frozen),
        'messages': neutral([{'headers': plain(one['headers']), 'body': plain(one['body'])} for one in sent]),
        # One by one: of a chord inside another one the group's id changes between freezing and sending.
        'chords': [neutral({'group': group_id, 'results': plain(results), 'size': sizes.get(group_id)})
                   for group_id, results in store.started],
        'result': None if result is None else 'group' if hasattr(result, 'results') else 'task',
    }


def main():
    app = Celery('proj', broker='memory://', set_as_current=True)
    app._local.backend = Store(app)
    sent = []

    @signals.before_task_publish.connect(weak=False)
    def on_publish(sender=None, headers=None, body=None, **_):
        sent.append({'headers': dict(headers), 'body': plain(body)})

    def answer(flow):
        try:
            return describe(app, sent, flow)
        except Exception as error:
            return {'error': '%s: %s' % (type(error).__name__, error)}

    if sys.argv[1:2] == ['--record']:
        record(sys.argv[2], answer)
        return
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), sort_keys=True), flush=True)


def record(path, answer):
    with open(path) as file:
        flows = [{'spec': one['spec'], 'call': one['call']} for one in json.load(file)]
    vectors = [{**flow, **answer(flow)} for flow in flows]
    lines = [json.dumps(one, sort_keys=True, separators=(',', ':')) for one in vectors]
    with open(path, 'w') as file:
        file.write('[\n%s\n]\n' % ',\n'.join(lines))


if __name__ == '__main__':
    main()
