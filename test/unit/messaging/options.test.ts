import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { checkNumber, checkOptions } from '../../../src/messaging/options.ts'

describe('checkOptions', () => {
  it('names the nearest option', () => {
    checkOptions('queue "q"', { durable: true }, ['durable'])
    expect(() => checkOptions('queue "q"', { durabel: true }, ['durable', 'name'])).toThrow(ImproperlyConfigured)
    expect(() => checkOptions('queue "q"', { durabel: true }, ['durable', 'name'])).toThrow(
      'There is no option "durabel" of queue "q"; did you mean "durable"?',
    )
  })
})

describe('checkNumber', () => {
  it('lets through what can be', () => {
    expect([checkNumber('q', 'ttl', undefined), checkNumber('q', 'ttl', 0), checkNumber('q', 'ttl', 1.5)]).toEqual([
      undefined,
      0,
      1.5,
    ])
  })

  it.each([-1, NaN, Infinity, '5', null])('refuses %s', (value) => {
    expect(() => checkNumber('queue "q"', 'ttl', value as number)).toThrow(/"ttl" of queue "q" must be a number/)
  })
})
