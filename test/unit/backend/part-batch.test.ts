import { expect, it } from 'vitest'
import type { PartReturn } from '../../../src/backend/backend.ts'
import { PartBatch } from '../../../src/backend/part-batch.ts'

const part = (taskId: string): PartReturn => ({ taskId, groupId: 'g1', index: 0, body: '', claim: 'c' })

it('counts what comes in one turn in one go, and tells each what became of it', async () => {
  const calls: string[][] = []
  const batch = new PartBatch((parts) => {
    calls.push(parts.map(({ taskId }) => taskId))
    return Promise.resolve(
      parts.map(({ taskId }) => (taskId === 'bad' ? new Error('broken') : { kind: 'claimed', againMs: taskId.length })),
    )
  })
  const [one, bad, three] = await Promise.allSettled([
    batch.add(part('a')),
    batch.add(part('bad')),
    batch.add(part('ccc')),
  ])
  expect([one, three]).toMatchObject([{ value: { againMs: 1 } }, { value: { againMs: 3 } }])
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'broken' } })
  await batch.add(part('d'))
  expect(calls).toEqual([['a', 'bad', 'ccc'], ['d']])
})

it('tells all that left together when they could not be counted', async () => {
  const batch = new PartBatch(() => Promise.reject(new Error('away')))
  const both = await Promise.allSettled([batch.add(part('a')), batch.add(part('b'))])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
