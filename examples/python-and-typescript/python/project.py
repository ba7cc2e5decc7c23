"""The Python app: statistics."""
import os
import statistics

from celery import Celery

BROKER = os.environ.get('CELERY_BROKER_URL', 'redis://localhost:6379/0')

app = Celery(
    'stats',
    broker=BROKER,
    backend=os.environ.get('CELERY_RESULT_BACKEND', BROKER),
)
# The same in typescript/app.ts: whoever calls knows where the task lives.
app.conf.task_routes = {'stats.*': {'queue': 'python'}, 'words.*': {'queue': 'typescript'}}


@app.task(name='stats.summary')
def summary(numbers):
    if len(numbers) < 2:
        raise ValueError('a summary needs two numbers at least')
    return {
        'count': len(numbers),
        'mean': round(statistics.mean(numbers), 2),
        'deviation': round(statistics.stdev(numbers), 2),
        'median': statistics.median(numbers),
    }
