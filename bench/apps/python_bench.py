"""The same task in Python Celery. Broker and backend come from the environment."""
from celery import Celery

app = Celery("bench")


@app.task(name="bench.noop")
def noop(number):
    return number
