import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import {
  Decimal,
  isPythonValue,
  PythonDate,
  PythonDateTime,
  PythonTime,
  PythonTimedelta,
  Uuid,
} from '../../../src/serialization/values.ts'

describe('PythonDateTime', () => {
  it('is a Date that keeps its text', () => {
    const value = new PythonDateTime('2026-01-02T03:04:05.678901+02:00')
    expect(value).toBeInstanceOf(Date)
    expect(value.getTime()).toBe(Date.UTC(2026, 0, 2, 1, 4, 5, 678))
    expect(value.isoformat()).toBe('2026-01-02T03:04:05.678901+02:00')
    expect(JSON.stringify(value)).toBe('"2026-01-02T01:04:05.678Z"')
  })

  it('reads a text without an offset as UTC, and keeps it without', () => {
    const value = new PythonDateTime('2026-01-02T03:04:05')
    expect(value.getTime()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
    expect(value.isoformat()).toBe('2026-01-02T03:04:05')
  })

  it('writes its text anew once it was changed', () => {
    const value = new PythonDateTime('2026-01-02T03:04:05.678901')
    value.setUTCFullYear(2027)
    expect(value.isoformat()).toBe('2027-01-02T03:04:05.678000+00:00')
  })

  it.each(['', 'tomorrow', '2026-02-30T00:00:00', '2026-01-01T25:00:00'])('refuses %j', (text) => {
    expect(() => new PythonDateTime(text)).toThrow(ImproperlyConfigured)
  })
})

describe('PythonDate', () => {
  it('is a day', () => {
    const day = new PythonDate('2024-02-29')
    expect(day.toDate()).toEqual(new Date(Date.UTC(2024, 1, 29)))
    expect(String(day)).toBe('2024-02-29')
    expect(JSON.stringify({ day })).toBe('{"day":"2024-02-29"}')
  })

  it.each(['2023-02-29', '2023-2-9', '2023-02-01T00:00:00', '0000-01-01'])('refuses %j', (text) => {
    expect(() => new PythonDate(text)).toThrow(ImproperlyConfigured)
  })
})

describe('PythonTime', () => {
  it.each(['03:04:05', '03:04', '03:04:05.000006', '23:59:59.999999+05:30', '00:00:00Z'])('takes %j', (text) => {
    expect(String(new PythonTime(text))).toBe(text)
    expect(JSON.stringify(new PythonTime(text))).toBe(JSON.stringify(text))
  })

  it.each(['', '24:30:00', '3:04:05', '03:61:00', '03:04:05+25:00'])('refuses %j', (text) => {
    expect(() => new PythonTime(text)).toThrow(ImproperlyConfigured)
  })
})

describe('PythonTimedelta', () => {
  it('carries over into its normal form', () => {
    expect(new PythonTimedelta(0, -1)).toMatchObject({ days: -1, seconds: 86_399, microseconds: 0 })
    expect(new PythonTimedelta(1, 90_000, -1)).toMatchObject({ days: 2, seconds: 3599, microseconds: 999_999 })
  })

  it.each<[PythonTimedelta, string, number]>([
    [new PythonTimedelta(1, 7384, 5), '1 day, 2:03:04.000005', 93_784.000005],
    [new PythonTimedelta(-2, 0), '-2 days, 0:00:00', -172_800],
    [new PythonTimedelta(0, 59), '0:00:59', 59],
  ])('%s', (delta, text, seconds) => {
    expect(String(delta)).toBe(text)
    expect(delta.toSeconds()).toBeCloseTo(seconds, 6)
    expect(JSON.parse(JSON.stringify(delta))).toBeCloseTo(seconds, 6)
  })

  it('refuses fractions and what is too long', () => {
    expect(() => new PythonTimedelta(1.5)).toThrow(ImproperlyConfigured)
    expect(() => new PythonTimedelta(1e9)).toThrow(ImproperlyConfigured)
  })
})

describe('Decimal', () => {
  it.each<[string, number]>([
    ['1.10', 1.1],
    ['-0', -0],
    ['1E+5', 100_000],
    ['.5', 0.5],
    ['NaN', NaN],
    ['-Infinity', -Infinity],
  ])('takes %j', (text, number) => {
    const decimal = new Decimal(text)
    expect(String(decimal)).toBe(text)
    expect(JSON.stringify(decimal)).toBe(JSON.stringify(text))
    expect(decimal.toNumber()).toBe(number)
  })

  it.each(['', '1,5', '0x10', '1e', 'one'])('refuses %j', (text) => {
    expect(() => new Decimal(text)).toThrow(ImproperlyConfigured)
  })
})

describe('Uuid', () => {
  it.each([
    '5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11',
    '5D9B1C1E0C1E4B579D2F5A1B5A0D9D11',
    'urn:uuid:5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11',
    '{5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11}',
  ])('takes %j', (text) => {
    const uuid = new Uuid(text)
    expect(String(uuid)).toBe('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11')
    expect(uuid.hex).toBe('5d9b1c1e0c1e4b579d2f5a1b5a0d9d11')
    expect(JSON.stringify(uuid)).toBe('"5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11"')
  })

  it('refuses anything else', () => {
    expect(() => new Uuid('5d9b1c1e')).toThrow(ImproperlyConfigured)
  })
})

describe('isPythonValue', () => {
  it('tells by the brand, so that another copy of the package is understood', () => {
    expect(isPythonValue(new Decimal('1'))).toBe(true)
    expect(isPythonValue({ [Symbol.for('celeriac.python')]: 'decimal', text: '1' })).toBe(true)
    expect(isPythonValue(new Date())).toBe(false)
    expect(new PythonDate('2026-01-02').pythonType).toBe('date')
    expect(Reflect.get(new PythonDate('2026-01-02'), Symbol.for('celeriac.python'))).toBe('date')
  })
})
