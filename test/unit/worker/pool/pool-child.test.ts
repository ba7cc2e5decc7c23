import { describe, expect, it } from 'vitest'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import type { ChildHandle } from '../../../../src/worker/pool/child-handle.ts'
import { PoolChild } from '../../../../src/worker/pool/pool-child.ts'
import { makeJob } from '../../../support/pools.ts'

const observer = {
  accepted: () => undefined,
  store: () => Promise.resolve(),
  endPart: () => undefined,
  ended: () => undefined,
}

function assignment(key: number, estimateMs: number): Assignment {
  const made = new Assignment(makeJob(key), observer)
  made.estimateMs = estimateMs
  return made
}

function readyChild(): PoolChild {
  const child = new PoolChild({} as ChildHandle, 0)
  child.state = 'ready'
  return child
}

describe('PoolChild', () => {
  it('has room for two milliseconds of work, at most 64 jobs', () => {
    const child = readyChild()
    expect(child.room(0.5, 0)).toBe(4)
    expect(child.room(0.001, 0)).toBe(64)
    expect(child.room(2, 0)).toBe(1)
    expect(child.room(2.1, 0)).toBe(0)
    child.push(assignment(1, 1.5))
    expect(child.room(0.5, 0)).toBe(1)
    expect(child.room(0.001, 0)).toBe(63)
    child.push(assignment(2, 2))
    expect(child.room(0.001, 0)).toBe(0)
  })

  it('is filled again when half of its line is done', () => {
    const child = readyChild()
    for (let key = 1; key <= 64; key += 1) child.push(assignment(key, 0.001))
    for (let ended = 1; ended <= 31; ended += 1) child.shift()
    expect(child.room(0.001, 0)).toBe(0)
    child.shift()
    expect(child.room(0.001, 0)).toBe(32)
    child.push(assignment(65, 0.001))
    expect(child.room(0.001, 0)).toBe(31)
  })

  it('has none behind a job that takes too long, or is terminated, or while it is asked to give back', () => {
    const child = readyChild()
    child.runningSinceMs = 100
    child.push(assignment(1, 0.1))
    expect(child.room(0.1, 105)).toBeGreaterThan(0)
    expect(child.room(0.1, 111)).toBe(0)
    child.recalling = true
    expect(child.room(0.1, 105)).toBe(0)
    child.recalling = false
    if (child.running !== undefined) child.running.terminating = 'SIGTERM'
    expect(child.room(0.1, 105)).toBe(0)
  })

  it.each(['starting', 'retiring', 'leaving'] as const)('has none while it is %s', (state) => {
    const child = readyChild()
    child.state = state
    expect(child.room(0.1, 0)).toBe(0)
  })

  it('knows its line', () => {
    const child = readyChild()
    const jobs = [1, 2, 3, 4].map((key) => assignment(key, 0.1))
    for (const job of jobs) child.push(job)
    expect(child.running).toBe(jobs[0])
    expect(child.find(3)).toBe(jobs[2])
    expect(child.take([4, 2, 9])).toEqual([jobs[1], jobs[3]])
    expect(child.length).toBe(2)
    expect(child.jobs).toBe(2)
    child.shift()
    expect(child.running).toBe(jobs[2])
    child.shift()
    expect(child.lineMs).toBe(0)
    expect(child.jobs).toBe(2)
  })
})
