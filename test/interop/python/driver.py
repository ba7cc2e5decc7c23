"""A Python client that does what the tests say: one expression a line comes in as JSON, one answer a line goes out.

In:  {"expression": "app.send_task('ts.add', (1, 2)).get(timeout=10)"}
Out: {"value": 3}, or {"error": {"type": ..., "module": ..., "args": [...], "message": ..., "traceback": ...}}
"""
import datetime
import json
import sys
import time
import traceback
from decimal import Decimal
from uuid import UUID, uuid4

import celery
import kombu
from celery import chain, chord, chunks, group, signature, xmap, xstarmap

import flows
import interop
from interop import app, make_app
from monitor import Monitor

#: Expressions may use all of these, and what they store in `kept`.
NAMES = {
    **{name: getattr(interop, name) for name in ('app', 'make_app', 'Unlucky')},
    'celery': celery, 'flows': flows, 'kombu': kombu, 'chain': chain, 'chord': chord, 'group': group, 'signature': signature,
    'chunks': chunks, 'xmap': xmap, 'xstarmap': xstarmap,
    'datetime': datetime, 'time': time, 'Decimal': Decimal, 'UUID': UUID, 'uuid4': uuid4,
    'old': make_app(task_protocol=1), 'rpc': make_app(result_backend='rpc://'), 'blind': make_app(result_backend='disabled://'),
    'Monitor': Monitor, 'kept': {},
}


def evaluate(expression):
    try:
        return {'value': eval(expression, NAMES)}
    except Exception as error:
        kind = type(error)
        facts = {'type': kind.__name__, 'module': kind.__module__, 'args': error.args, 'message': str(error)}
        return {'error': {**facts, 'traceback': traceback.format_exc()}}


answers = sys.stdout
sys.stdout = sys.stderr
for line in sys.stdin:
    answer = evaluate(json.loads(line)['expression'])
    print(json.dumps(answer, default=repr), file=answers, flush=True)
