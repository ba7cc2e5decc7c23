"""When the sun does what Celery's solar schedules wait for: cases come in as JSON, what it answers goes out.

In:  [[event, latitude, longitude, unix seconds], ...]
Out: [unix seconds, ...], null where the event does not happen that day.
"""
import json
import sys
from datetime import datetime, timezone

import ephem
from celery.schedules import solar

# A slip of Celery 5.2, put right since.
solar._horizons['dusk_astronomical'] = '-18'


def answer(event, latitude, longitude, time):
    schedule = solar(event, latitude, longitude)
    start = datetime.fromtimestamp(time, timezone.utc)
    options = {'use_center': True} if schedule.use_center else {}
    try:
        found = getattr(schedule.cal, schedule.method)(ephem.Sun(), start=start, **options)
    except ephem.CircumpolarError:
        return None
    return found.datetime().replace(tzinfo=timezone.utc).timestamp()


json.dump([answer(*case) for case in json.load(sys.stdin)], sys.stdout)
