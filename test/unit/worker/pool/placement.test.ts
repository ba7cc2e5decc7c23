import { describe, expect, it } from 'vitest'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import type { ChildHandle } from '../../../../src/worker/pool/child-handle.ts'
import type { Job } from '../../../../src/worker/pool/pool.ts'
import { Placement } from '../../../../src/worker/pool/placement.ts'
import { PoolChild } from '../../../../src/worker/pool/pool-child.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { makeJob } from '../../../support/pools.ts'

const observer = {
  accepted: () => undefined,
  store: () => Promise.resolve(),
  endPart: () => undefined,
  ended: () => undefined,
}

/** A process that only notes what it is sent. */
function fakeProcess(sent: string[]): ChildHandle {
  const fake = {
    sendJob: (job: Job) => sent.push(String(job.key)),
    sendRecall: () => sent.push('recall'),
  }
  return fake as unknown as ChildHandle
}

function setUp(count: number, concurrency = count) {
  const clock = fakeClock()
  const sent: string[][] = []
  const children = new Set<PoolChild>()
  const started: string[] = []
  const placement = new Placement({
    clock,
    children,
    concurrency,
    onFirst: (child) => {
      child.runningSinceMs = clock.monotonic()
      started.push(String(child.running?.job.key))
    },
    onHanding: () => undefined,
    onHanded: () => undefined,
  })
  for (let index = 0; index < count; index += 1) {
    const commands: string[] = []
    sent.push(commands)
    const child = new PoolChild(fakeProcess(commands), 0)
    child.state = 'ready'
    children.add(child)
  }
  const add = (key: number, taskName = 'tiny'): void => {
    placement.add(new Assignment(makeJob(key, taskName), observer))
  }
  /** The first job of the child's line has ended. */
  const end = (index: number): void => {
    const child = [...children][index] as PoolChild
    child.shift()
    child.runningSinceMs = clock.monotonic()
    placement.placeBacklog()
  }
  return { clock, placement, children: [...children], sent, started, add, end }
}

describe('Placement', () => {
  it('gives one job to each child of which nothing is known, and keeps the others', () => {
    const { placement, sent, started, add, end } = setUp(2)
    expect(placement.free).toBe(2)
    for (const key of [1, 2, 3, 4]) add(key)
    expect(sent).toEqual([['1'], ['2']])
    expect(started).toEqual(['1', '2'])
    expect(placement.free).toBe(0)
    end(1)
    expect(sent).toEqual([['1'], ['2', '3']])
  })

  it('hands tiny jobs ahead, to the shortest line', () => {
    const { placement, sent, add } = setUp(2)
    placement.learn('tiny', 0.5)
    expect(placement.free).toBe(8)
    for (let key = 1; key <= 10; key += 1) add(key)
    expect(sent).toEqual([
      ['1', '3', '5', '7'],
      ['2', '4', '6', '8'],
    ])
    expect(placement.free).toBe(0)
  })

  it('hands at most 64 ahead', () => {
    const { placement, sent, add } = setUp(1)
    placement.learn('tiny', 0.001)
    expect(placement.free).toBe(64)
    for (let key = 1; key <= 100; key += 1) add(key)
    expect(sent[0]).toHaveLength(64)
  })

  it('hands nothing ahead behind or before a job that is not tiny', () => {
    const { placement, sent, add, end } = setUp(1)
    placement.learn('tiny', 0.1)
    placement.learn('slow', 50)
    add(1, 'slow')
    add(2)
    expect(sent).toEqual([['1']])
    end(0)
    expect(sent).toEqual([['1', '2']])
    add(3, 'slow')
    add(4, 'unknown')
    expect(sent).toEqual([['1', '2']])
  })

  it('keeps the order: what comes later does not overtake what waits', () => {
    const { placement, sent, add, end } = setUp(1)
    placement.learn('tiny', 0.1)
    add(1)
    add(2, 'unknown')
    add(3)
    expect(sent).toEqual([['1']])
    end(0)
    expect(sent).toEqual([['1', '2']])
    end(0)
    expect(sent).toEqual([['1', '2', '3']])
  })

  it('prefers a child that does nothing', () => {
    const { placement, sent, add, end } = setUp(2)
    placement.learn('tiny', 0.1)
    add(1)
    add(2)
    add(3)
    end(1)
    add(4)
    expect(sent).toEqual([
      ['1', '3'],
      ['2', '4'],
    ])
  })

  it('lets no more run than it may, though a replacement is there already', () => {
    const { placement, sent, add, end } = setUp(2, 1)
    add(1, 'slow')
    add(2, 'slow')
    expect(sent).toEqual([['1'], []])
    expect(placement.free).toBe(0)
    end(0)
    expect(sent).toEqual([['1', '2'], []])
  })

  it('calls back what waits behind a job that takes too long', async () => {
    const { clock, placement, children, sent, add } = setUp(1)
    placement.learn('tiny', 0.1)
    add(1)
    add(2)
    await clock.advance(5)
    expect(sent).toEqual([['1', '2']])
    await clock.advance(30)
    expect(sent).toEqual([['1', '2', 'recall']])
    // Nothing is handed to it before it has answered.
    add(3)
    expect(sent).toEqual([['1', '2', 'recall']])
    const child = children[0] as PoolChild
    child.recalling = false
    placement.addAgain(child.take([2]))
    placement.placeBacklog()
    expect(sent).toEqual([['1', '2', 'recall']])
    child.shift()
    child.runningSinceMs = clock.monotonic()
    placement.placeBacklog()
    expect(sent).toEqual([['1', '2', 'recall', '2', '3']])
  })

  it('watches only while something waits', async () => {
    const { clock, placement, add, end } = setUp(1)
    placement.learn('tiny', 0.1)
    add(1)
    expect(clock.pending).toBe(0)
    add(2)
    expect(clock.pending).toBe(1)
    end(0)
    end(0)
    await clock.advance(100)
    expect(clock.pending).toBe(0)
  })

  it('puts what comes back before all others', () => {
    const { placement, sent, add, end } = setUp(1)
    add(1)
    add(2)
    placement.addAgain([new Assignment(makeJob(9), observer)])
    end(0)
    end(0)
    expect(sent).toEqual([['1', '9', '2']])
  })

  it('lets jobs be withdrawn', () => {
    const { placement, add } = setUp(1)
    for (const key of [1, 2, 3]) add(key)
    expect(placement.withdraw(1)).toBeUndefined()
    expect(placement.withdraw(2)?.job.key).toBe(2)
    expect(placement.withdraw(2)).toBeUndefined()
    expect(placement.withdrawAll().map(({ job }) => job.key)).toEqual([3])
    expect(placement.withdrawAll()).toEqual([])
  })
})
