"""A Python program that uses tasks of both languages."""
from celery import chain

from project import app

words = app.signature('words.lengths')
summary = app.signature('stats.summary')

text = 'Der Sellerie ist eine Pflanze aus der Familie der Doldenblütler.'
print('lengths:', words.delay(text).get(timeout=10))
print('summary:', chain(words.clone((text,)), summary).delay().get(timeout=10))

try:
    words.delay('').get(timeout=10)
except ValueError as error:  # a RangeError in TypeScript
    print('error:', repr(error))
