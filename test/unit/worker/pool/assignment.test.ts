import { expect, it } from 'vitest'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import { makeJob } from '../../../support/pools.ts'

it('Assignment tells its observer what happens, and its outcome', () => {
  const told: unknown[] = []
  const result = { taskId: 'id', status: 'SUCCESS', body: 'x' }
  const success = { kind: 'success' as const, runtimeMs: 1, resultRepr: '1' }
  const assignment = new Assignment(makeJob(1), {
    accepted: (pid) => told.push(pid),
    store: (document) => told.push(document),
    endPart: (body) => told.push(body),
    ended: (outcome) => told.push(outcome),
  })
  assignment.accept(42)
  // It had not started there after all.
  assignment.accept(43)
  assignment.endPart('part')
  assignment.store(result)
  assignment.settle(success)
  expect(told).toEqual([42, 'part', result, success])
})
