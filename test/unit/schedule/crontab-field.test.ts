import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { fieldText, FIELDS, parseField } from '../../../src/schedule/crontab-field.ts'
import type { FieldBounds, FieldInput } from '../../../src/schedule/crontab-field.ts'

const { minute, hour, dayOfMonth, monthOfYear, dayOfWeek } = FIELDS

describe('a field', () => {
  // The examples of Celery's documentation and of its `crontab_parser`.
  it.each<[FieldInput, FieldBounds, number[]]>([
    ['5', minute, [5]],
    [5, minute, [5]],
    ['*/15', minute, [0, 15, 30, 45]],
    ['*/7', minute, [0, 7, 14, 21, 28, 35, 42, 49, 56]],
    ['2-59/19', minute, [2, 21, 40, 59]],
    ['*/5', dayOfMonth, [1, 6, 11, 16, 21, 26, 31]],
    ['2-8/3,5', dayOfMonth, [2, 5, 8]],
    ['22-2', hour, [0, 1, 2, 22, 23]],
    ['22-2/2', hour, [0, 2, 22]],
    ['fri-mon', dayOfWeek, [0, 1, 5, 6]],
    ['Thursday,SUN', dayOfWeek, [0, 4]],
    ['jan,march-MAY', monthOfYear, [1, 3, 4, 5]],
    [[0, '30-32', '5,6'], minute, [0, 5, 6, 30, 31, 32]],
    [' 1 , 2 ', minute, [1, 2]],
    ['*', dayOfWeek, [0, 1, 2, 3, 4, 5, 6]],
  ])('%j of the %o is %j', (input, bounds, numbers) => {
    expect(parseField(input, bounds)).toEqual(numbers)
  })

  it.each<[FieldInput, FieldBounds, string]>([
    ['', minute, "A crontab's minute cannot be an empty part; it holds *, numbers from 0 to 59, ranges and steps"],
    ['1,,2', minute, 'an empty part'],
    ['60', minute, 'cannot be "60"'],
    ['-1', minute, 'cannot be "-1"'],
    [-1, minute, 'cannot be "-1"'],
    ['1.5', hour, 'cannot be "1.5"'],
    ['0', dayOfMonth, 'numbers from 1 to 31'],
    ['7', dayOfWeek, 'Sunday is 0'],
    ['*/0', hour, 'a step is at least 1'],
    ['5/15', minute, 'write "5-59/15"'],
    ['someday', dayOfWeek, 'cannot be "someday"'],
    [[], minute, 'cannot be "nothing"'],
  ])('%j of the %o is refused', (input, bounds, message) => {
    expect(() => parseField(input, bounds)).toThrow(ImproperlyConfigured)
    expect(() => parseField(input, bounds)).toThrow(message)
  })

  it('has a text', () => {
    expect([fieldText(5), fieldText('*/5'), fieldText([1, '5-7'])]).toEqual(['5', '*/5', '1,5-7'])
  })
})
