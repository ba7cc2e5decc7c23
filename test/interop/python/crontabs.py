"""When Celery runs crontabs: cases come in as JSON, what it answers goes out.

In:  [{"fields": {...}, "timezone": "Europe/Berlin", "times": [unix seconds, ...]}, ...]
Out: [[[year, month, day, hour, minute, seconds to wait], ...], ...]: the time on the wall clock, and the wait.
"""
import json
import sys
from datetime import datetime, timezone

from celery import Celery
from celery.schedules import crontab

apps = {}


def app_of(zone):
    if zone not in apps:
        apps[zone] = Celery('crontabs', set_as_current=False)
        apps[zone].conf.timezone = zone
    return apps[zone]


def answer(case):
    answers = []
    app = app_of(case['timezone'])
    for time in case['times']:
        # As `app.now()`, from which beat has its times.
        now = datetime.fromtimestamp(time, timezone.utc).astimezone(app.timezone)
        schedule = crontab(**case['fields'], nowfun=lambda: now, app=app)
        last, delta, _ = schedule.remaining_delta(now)
        wall = last.replace(tzinfo=None) + delta
        wait = schedule.remaining_estimate(now).total_seconds()
        answers.append([wall.year, wall.month, wall.day, wall.hour, wall.minute, wait])
    return answers


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
