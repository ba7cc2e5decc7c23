import { expect, it } from 'vitest'
import { createLogger } from '../../../../src/util/logger.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import type { ChildHandle } from '../../../../src/worker/pool/child-handle.ts'
import { Heartbeat } from '../../../../src/worker/pool/heartbeat.ts'
import { PoolChild } from '../../../../src/worker/pool/pool-child.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { makeJob } from '../../../support/pools.ts'

function setUp(maxMemoryBytes?: number) {
  const clock = fakeClock()
  const lines: string[] = []
  const hung: PoolChild[] = []
  let pings = 0
  const handle = { name: 'child-1', pid: 7, sendPing: () => (pings += 1) }
  const child = new PoolChild(handle as unknown as ChildHandle, 0)
  child.state = 'ready'
  const heartbeat = new Heartbeat({
    clock,
    logger: createLogger({ level: 'INFO', write: ({ level, message }) => lines.push(`${level} ${message}`) }),
    children: new Set([child]),
    maxMemoryBytes,
    onHung: (one) => {
      one.state = 'leaving'
      hung.push(one)
    },
  })
  const hand = (hardLimitMs?: number, estimateMs = 0.1): void => {
    heartbeat.beforeJob(child, estimateMs, clock.monotonic())
    child.push(
      new Assignment(
        { ...makeJob(1), hardLimitMs },
        { accepted: () => undefined, store: () => undefined, endPart: () => undefined, ended: () => undefined },
      ),
    )
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5000) {
      await clock.advance(5000)
      await nextTurn()
    }
  }
  const answer = (memoryBytes = 0): void => {
    child.heardMs = clock.monotonic()
    heartbeat.answered(child, memoryBytes)
  }
  return { clock, lines, hung, child, heartbeat, hand, pass, answer, pings: () => pings }
}

it('asks while there are jobs, once after that, and then no more', async () => {
  const { hand, pass, answer, child, pings, clock } = setUp()
  hand()
  expect(pings()).toBe(0)
  for (let round = 1; round <= 3; round += 1) {
    await pass(5000)
    expect(pings()).toBe(round)
    answer()
  }
  child.shift()
  await pass(5000)
  answer()
  await pass(5000)
  expect([pings(), clock.pending]).toEqual([4, 0])
})

it('tells of a child that does not answer while its task runs, once, and leaves it alone', async () => {
  const { hand, pass, lines, hung } = setUp()
  hand()
  await pass(60_000)
  expect([lines, hung]).toEqual([
    [
      'WARNING Process child-1 pid:7 has not answered for 10 s: task suite.task[id-1] keeps its event loop busy; it has no time limit that would end it',
    ],
    [],
  ])
})

it('gives no hint where the task has a limit', async () => {
  const { hand, pass, lines } = setUp()
  hand(100_000)
  await pass(20_000)
  expect(lines[0]).toMatch(/busy$/)
})

it('does not take one for silent that tells something', async () => {
  const { hand, pass, lines, child, clock } = setUp()
  hand()
  for (let round = 0; round < 10; round += 1) {
    await pass(5000)
    child.heardMs = clock.monotonic()
  }
  expect(lines).toEqual([])
})

it('ends one that hangs after its job', async () => {
  const { hand, pass, lines, hung, child } = setUp()
  hand()
  child.shift()
  await pass(20_000)
  expect([lines, hung]).toEqual([
    ['ERROR Process child-1 pid:7 has not answered for 10 s though it had nothing to do, and is replaced'],
    [child],
  ])
})

it('asks one that has rested before its next job, and ends it where it hung before that', async () => {
  const { hand, pass, hung, child, clock, answer, pings } = setUp()
  await clock.advance(2000)
  hand()
  expect([pings(), child.askedIdle]).toEqual([1, true])
  answer()
  await pass(20_000)
  expect(hung).toEqual([])
  answer()
  child.shift()
  await clock.advance(2000)
  hand()
  await pass(20_000)
  expect(hung).toEqual([child])
})

it('asks before each job that is no tiny one', () => {
  const { hand, pings, answer, child } = setUp()
  hand()
  child.shift()
  expect(pings()).toBe(0)
  hand(undefined, 2)
  expect([pings(), child.askedIdle]).toEqual([1, true])
  answer()
  expect([child.askedMs, child.askedIdle]).toEqual([undefined, false])
})

it('tells of one that is far above its memory limit while its task runs, once', async () => {
  const { hand, answer, lines } = setUp(1024 * 1024)
  hand()
  answer(2 * 1024 * 1024)
  expect(lines).toEqual([])
  answer(3 * 1024 * 1024)
  answer(4 * 1024 * 1024)
  expect(lines).toEqual([
    'WARNING Process child-1 holds 3072 KiB with a limit of 1024 KiB while task suite.task[id-1] runs',
  ])
})

it('asks no more when it is stopped', async () => {
  const { hand, pass, heartbeat, pings, clock } = setUp()
  hand()
  heartbeat.stop()
  await pass(10_000)
  expect([pings(), clock.pending]).toEqual([0, 0])
})
