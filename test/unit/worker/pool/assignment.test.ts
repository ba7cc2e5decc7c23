import { describe, expect, it } from 'vitest'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { makeJob } from '../../../support/pools.ts'

const result = { taskId: 'id', status: 'SUCCESS', body: 'x' }
const success = { kind: 'success' as const, runtimeMs: 1, resultRepr: '1' }

describe('Assignment', () => {
  it('resolves in the same turn where nothing is to be stored', async () => {
    const assignment = new Assignment(makeJob(1), { accepted: () => undefined, store: () => Promise.resolve() })
    assignment.settle(success)
    expect(await assignment.outcome).toBe(success)
  })

  it('waits for all documents', async () => {
    const stores = [deferred<void>(), deferred<void>()]
    const left = [...stores]
    const assignment = new Assignment(makeJob(1), {
      accepted: () => undefined,
      store: () => left.shift()?.promise ?? Promise.resolve(),
    })
    let settled = false
    void assignment.outcome.then(() => {
      settled = true
    })
    assignment.store(result)
    assignment.store(result)
    assignment.settle(success)
    stores[1]?.resolve()
    await nextTurn()
    expect(settled).toBe(false)
    stores[0]?.resolve()
    expect(await assignment.outcome).toBe(success)
  })

  it('is settled too when a document could not be stored', async () => {
    const assignment = new Assignment(makeJob(1), {
      accepted: () => undefined,
      store: () => Promise.reject(new Error('the backend is down')),
    })
    assignment.store(result)
    assignment.settle(success)
    expect(await assignment.outcome).toBe(success)
  })
})
