import { describe, expect, it } from 'vitest'
import { SoftTimeLimitExceeded } from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { chainFailures, failureMeta, failureOf, reasonOf } from '../../../src/task/failure.ts'

class Flaky extends Error {
  static readonly excModule = 'proj.errors'
}

const NOW_MS = Date.UTC(2026, 0, 1)

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

it('failureMeta is the document of a task that never ran here', () => {
  expect(failureMeta('id-1', new Flaky('x'), undefined, NOW_MS)).toMatchObject({
    task_id: 'id-1',
    status: 'FAILURE',
    result: { exc_type: 'Flaky', exc_message: ['x'], exc_module: 'proj.errors' },
    traceback: null,
    date_done: '2026-01-01T00:00:00+00:00',
  })
})

it('chainFailures makes one for each link that has an id', () => {
  const chain = [
    signatureData({ task: 'proj.last', options: { task_id: 'last' } }),
    signatureData({ task: 'proj.nameless' }),
    signatureData({ task: 'proj.next', options: { task_id: 'next' } }),
  ]
  const metas = chainFailures(chain, new Flaky('x'), 'tb', NOW_MS)
  expect(metas.map((meta) => [meta.task_id, meta.status, meta.traceback])).toEqual([
    ['last', 'FAILURE', 'tb'],
    ['next', 'FAILURE', 'tb'],
  ])
  expect(chainFailures(null, new Flaky('x'), 'tb', NOW_MS)).toEqual([])
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
