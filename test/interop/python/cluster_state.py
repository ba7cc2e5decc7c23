"""What Celery's State makes of events: one JSON line comes in with a stream of events, one goes out with the state.

In:  {"events": [{"type": "task-received", ...}, ...], "maxTasks": 10}
Out: {"tasks": {uuid: {...}}, "order": [uuid, ...], "workers": {hostname: {...}}, "counts": [events, tasks], "types": [...]}
"""
import gc
import json
import sys

from celery.events.state import State

TASK_FIELDS = (
    'uuid', 'name', 'state', 'received', 'sent', 'started', 'rejected', 'succeeded', 'failed', 'retried', 'revoked',
    'args', 'kwargs', 'eta', 'expires', 'retries', 'result', 'exception', 'timestamp', 'runtime', 'traceback',
    'exchange', 'routing_key', 'clock', 'client', 'root_id', 'parent_id',
)
WORKER_FIELDS = ('hostname', 'pid', 'freq', 'heartbeats', 'clock', 'active', 'processed', 'loadavg', 'sw_ident')


def task_facts(task):
    facts = {name: getattr(task, name) for name in TASK_FIELDS}
    worker = task.worker.hostname if task.worker else None
    return {**facts, 'worker': worker, 'children': sorted(child.uuid for child in task.children)}


def look_at(events, max_tasks):
    news = []
    state = State(
        max_tasks_in_memory=max_tasks,
        on_node_join=lambda worker: news.append('+' + worker.hostname),
        on_node_leave=lambda worker: news.append('-' + worker.hostname),
    )
    for event in events:
        state.event(event)
        # Tasks that are forgotten are in lists, and keep others with their id out of them, until they are collected.
        gc.collect()
    return {
        'tasks': {uuid: task_facts(task) for uuid, task in state.itertasks()},
        'order': [uuid for uuid, _ in state.tasks_by_time()],
        'workers': {name: {key: getattr(worker, key) for key in WORKER_FIELDS} for name, worker in state.workers.items()},
        'counts': [state.event_count, state.task_count],
        'types': state.task_types(),
        'news': news,
    }


# All that is there now stays, and need not be looked through each time.
gc.freeze()
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(look_at(question['events'], question['maxTasks'])), flush=True)
