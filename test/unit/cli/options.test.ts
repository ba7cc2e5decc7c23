import { describe, expect, it } from 'vitest'
import * as options from '../../../src/cli/options.ts'

describe('values of options', () => {
  it.each([
    [options.commaList, 'a, b,,c ', ['a', 'b', 'c']],
    [options.commaList, '', []],
    [options.jsonArray, '[2, "x"]', [2, 'x']],
    [options.storeUrl, 'redis://a/0', 'redis://a/0'],
    [options.jsonObject, '{"x": 1}', { x: 1 }],
    [options.isoTime, '2026-11-21', new Date(Date.UTC(2026, 10, 21))],
    [options.isoTime, '2026-11-21T10:00:00', new Date(Date.UTC(2026, 10, 21, 10))],
    [options.isoTime, '2026-11-21 10:00:00.25Z', new Date(Date.UTC(2026, 10, 21, 10, 0, 0, 250))],
    [options.isoTime, '2026-11-21T10:00+02:00', new Date(Date.UTC(2026, 10, 21, 8))],
    [options.secondsOrTime, '1.5', 1.5],
    [options.secondsOrTime, '2026-11-21', new Date(Date.UTC(2026, 10, 21))],
    [options.seconds, '0.5', 0.5],
    [options.wholeNumber, '0', 0],
    [options.positiveNumber, '12', 12],
    [options.autoscaleRange, '10,3', { max: 10, min: 3 }],
    [options.autoscaleRange, '3, 10', { max: 10, min: 3 }],
    [options.autoscaleRange, '10', { max: 10, min: 0 }],
    [options.logLevel, 'info', 'INFO'],
    [options.logLevel, 'warn', 'WARNING'],
    [options.logLevel, 'FATAL', 'CRITICAL'],
    [options.logLevel, '10', 'DEBUG'],
    [options.logLevel, '25', 'WARNING'],
    [options.logLevel, '0', 'DEBUG'],
    [options.logLevel, '99', 'CRITICAL'],
  ])('%o of "%s" is %j', (parse: (text: string) => unknown, text, value) => {
    expect(parse(text)).toEqual(value)
  })

  it.each([
    [options.jsonArray, '{}', /JSON array/],
    [options.storeUrl, 'celery.beat:PersistentScheduler', /a URL, such as redis/],
    [options.jsonArray, '[2', /not JSON.*quotes/],
    [options.jsonObject, '[]', /JSON object/],
    [options.jsonObject, 'null', /JSON object/],
    [options.isoTime, 'tomorrow', /ISO 8601/],
    [options.isoTime, '2026-13-41', /ISO 8601/],
    [options.secondsOrTime, 'soon', /ISO 8601/],
    [options.seconds, '-1', /number of seconds/],
    [options.seconds, '', /number of seconds/],
    [options.wholeNumber, '1.5', /whole number/],
    [options.positiveNumber, '0', /above zero/],
    [options.autoscaleRange, 'many', /whole number/],
    [options.autoscaleRange, '0', /largest and the smallest/],
    [options.autoscaleRange, '1,2,3', /largest and the smallest/],
    [options.logLevel, 'DEBGU', /did you mean "DEBUG"/],
  ])('%o refuses "%s"', (parse: (text: string) => unknown, text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})
