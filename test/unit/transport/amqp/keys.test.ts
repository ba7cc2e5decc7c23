import { describe, expect, it } from 'vitest'
import {
  arrivalKey,
  DELAY_BITS,
  delayedKey,
  levelName,
  passingKey,
  waitingKey,
} from '../../../../src/transport/amqp/keys.ts'
import { topicMatches } from '../../../../src/transport/virtual/exchange.ts'

const LEVELS = Array.from({ length: DELAY_BITS }, (_, level) => level)

describe('the names of delayed delivery', () => {
  it('are Celery’s', () => {
    expect([levelName(27), levelName(0)]).toEqual(['celery_delayed_27', 'celery_delayed_0'])
    expect([waitingKey(27), waitingKey(25)]).toEqual(['1.#', '*.*.1.#'])
    expect([passingKey(27), passingKey(25)]).toEqual(['0.#', '*.*.0.#'])
    expect(waitingKey(0)).toBe(`${'*.'.repeat(27)}1.#`)
  })

  it('have the delay in 28 bits, the highest first, and then the target', () => {
    expect(delayedKey(5, 'q')).toBe(`${'0.'.repeat(25)}1.0.1.q`)
    expect(delayedKey(2 ** DELAY_BITS - 1, 'a.b')).toBe(`${'1.'.repeat(28)}a.b`)
  })

  it.each([1, 90, 3600, 86_400, 2 ** DELAY_BITS - 1])('let %d seconds pass on the levels of their sum', (seconds) => {
    const key = delayedKey(seconds, 'celery.high')
    const waits = LEVELS.filter((level) => topicMatches(waitingKey(level), key))
    const passes = LEVELS.filter((level) => topicMatches(passingKey(level), key))
    expect(waits.reduce((sum, level) => sum + 2 ** level, 0)).toBe(seconds)
    expect([...waits, ...passes].toSorted((a, b) => a - b)).toEqual(LEVELS)
  })

  it('bind what arrives with any delay, as Celery does', () => {
    expect([arrivalKey('q'), arrivalKey('a.*'), arrivalKey('#.b')]).toEqual(['#.q', '#.a.*', '#.b'])
    expect(topicMatches(arrivalKey('q'), delayedKey(5, 'q'))).toBe(true)
    expect(topicMatches(arrivalKey('q'), delayedKey(5, 'qq'))).toBe(false)
  })
})
