import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { didYouMean, nearest } from '../../../src/util/suggest.ts'

const settings = ['taskAcksLate', 'taskQueues', 'taskRoutes', 'brokerUrl', 'timezone', 'imports', 'include']

describe('nearest', () => {
  it.each([
    ['taskAckLate', 'taskAcksLate'],
    ['task_acks_late', 'taskAcksLate'],
    ['TaskRouets', 'taskRoutes'],
    ['brokerURL', 'brokerUrl'],
    ['brokerUr', 'brokerUrl'],
    ['timezoen', 'timezone'],
    ['imprts', 'imports'],
  ])('finds what %s means', (word, meant) => {
    expect(nearest(word, settings)).toBe(meant)
  })

  it.each(['', 'x', 'resultBackend', 'colour'])('has no answer for %j', (word) => {
    expect(nearest(word, settings)).toBeUndefined()
  })

  it('prefers the nearer one, then the first one', () => {
    expect(nearest('cat', ['cart', 'cat!', 'car'])).toBe('cart')
    expect(nearest('redis', ['rediss', 'redis-x', 'Redis'])).toBe('Redis')
  })

  it('counts a swap of neighbours as one mistake', () => {
    expect(nearest('abdc', ['abcd'])).toBe('abcd')
  })

  it('finds a word of the list itself, and any word with one letter missing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...settings), fc.nat(), (word, position) => {
        const index = position % word.length
        expect(nearest(word, settings)).toBe(word)
        expect(nearest(word.slice(0, index) + word.slice(index + 1), settings)).toBe(word)
      }),
    )
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (word, words) => {
        const found = nearest(word, words)
        expect(found === undefined || words.includes(found)).toBe(true)
      }),
    )
  })
})

describe('didYouMean', () => {
  it('ends a sentence', () => {
    expect(`no such setting "brokerURI"${didYouMean('brokerURI', settings)}`).toBe(
      'no such setting "brokerURI"; did you mean "brokerUrl"?',
    )
    expect(didYouMean('colour', settings)).toBe('')
  })
})
