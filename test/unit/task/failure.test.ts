import { describe, expect, it } from 'vitest'
import { SoftTimeLimitExceeded } from '../../../src/errors.ts'
import { failureOf, reasonOf } from '../../../src/task/failure.ts'

class Flaky extends Error {
  static readonly excModule = 'proj.errors'
}

it('failureOf tells what logs, events and documents need', () => {
  const error = new Flaky('bad moon')
  expect(failureOf(error)).toEqual({
    excType: 'Flaky',
    excMessage: ['bad moon'],
    excModule: 'proj.errors',
    repr: "Flaky('bad moon')",
    traceback: expect.stringContaining('failure.test.ts') as unknown,
  })
})

describe('reasonOf', () => {
  const limit = new SoftTimeLimitExceeded(3)
  const abortError = Object.assign(new Error('This operation was aborted'), { name: 'AbortError' })

  it('puts the reason of the abort in the place of an AbortError', () => {
    expect(reasonOf(abortError, AbortSignal.abort(limit))).toBe(limit)
    expect(reasonOf(new DOMException('aborted', 'AbortError'), AbortSignal.abort(limit))).toBe(limit)
  })

  it('leaves all else alone', () => {
    const other = new Error('x')
    expect(reasonOf(other, AbortSignal.abort(limit))).toBe(other)
    expect(reasonOf(abortError, new AbortController().signal)).toBe(abortError)
    expect(reasonOf(abortError, AbortSignal.abort('no error'))).toBe(abortError)
    expect(reasonOf('text', AbortSignal.abort(limit))).toBe('text')
  })
})
