import { describe, expect, it } from 'vitest'
import type { TaskDefinition } from '../../../src/task/task.ts'
import { decodeTaskHead } from '../../../src/protocol/task.ts'
import { RateLimits } from '../../../src/worker/rate-limit.ts'
import { Request } from '../../../src/worker/request.ts'
import { incomingTask } from '../../support/incoming.ts'
import { requests } from '../../support/requests.ts'
import type { Requests } from '../../support/requests.ts'

interface Fixture {
  readonly all: Requests
  readonly limits: RateLimits
  /** Ids of those that were let go, in order. */
  readonly ready: string[]
  /** Whether it is held. */
  arrive(id: string, task?: string): boolean
}

function fixture(rateLimit: string | number = '10/s'): Fixture {
  const all = requests()
  const ready: string[] = []
  const { state, clock } = all.parts
  const limits = new RateLimits({ state, clock, onReady: (some) => ready.push(...some.map(({ head }) => head.id)) })
  const definitions = new Map<string, TaskDefinition>()
  return {
    all,
    limits,
    ready,
    arrive(id, task = 'proj.add') {
      const definition = definitions.get(task) ?? all.define(task, { rateLimit })
      definitions.set(task, definition)
      const { message } = incomingTask({ id, name: task })
      const { headers, properties } = message.message
      return limits.hold(new Request(decodeTaskHead(headers, properties), definition, message, all.parts))
    },
  }
}

describe('a task with a limit', () => {
  it('starts as often as that says, in order', async () => {
    const { all, ready, arrive } = fixture()
    expect(['a', 'b', 'c', 'd'].map((id) => arrive(id))).toEqual([false, true, true, true])
    expect(all.parts.state.limited.size).toBe(3)
    await all.clock.advance(99)
    expect(ready).toEqual([])
    await all.clock.advance(1)
    expect(ready).toEqual(['b'])
    await all.clock.advance(250)
    expect([ready, all.parts.state.limited.size]).toEqual([['b', 'c', 'd'], 0])
  })

  it('saves up one start and no more', async () => {
    const { all, arrive } = fixture('60/m')
    arrive('a')
    await all.clock.advance(10_000)
    expect([arrive('b'), arrive('c')]).toEqual([false, true])
  })

  it('does not hold up others', () => {
    const { arrive } = fixture()
    expect([arrive('a'), arrive('b'), arrive('c', 'proj.other')]).toEqual([false, true, false])
  })

  it('waits long where that is what it says', async () => {
    const { all, ready, arrive } = fixture('1/h')
    arrive('a')
    arrive('b')
    await all.clock.advance(3_599_000)
    expect(ready).toEqual([])
    await all.clock.advance(1000)
    expect(ready).toEqual(['b'])
  })

  it('does not wait for what was given back meanwhile', async () => {
    const { all, ready, arrive } = fixture()
    for (const id of ['a', 'b', 'c']) arrive(id)
    const [b] = all.parts.state.limited.values()
    await b?.giveBack()
    await all.clock.advance(100)
    expect(ready).toEqual(['c'])
  })
})

describe('another limit', () => {
  it('holds from now on, also for what waits', async () => {
    const { all, limits, ready, arrive } = fixture('1/h')
    for (const id of ['a', 'b', 'c', 'd']) arrive(id)
    limits.reset('proj.add', '1/s')
    await all.clock.advance(1)
    expect(ready).toEqual(['b'])
    await all.clock.advance(1000)
    expect(ready).toEqual(['b', 'c'])
    limits.reset('proj.add', undefined)
    expect(ready).toEqual(['b', 'c', 'd'])
    limits.reset('proj.unknown', '1/s')
  })
})

it('forgets what it holds', async () => {
  const { all, limits, ready, arrive } = fixture()
  for (const id of ['a', 'b']) arrive(id)
  limits.clear()
  await all.clock.advance(1000)
  expect([ready, all.parts.state.limited.size, arrive('c')]).toEqual([[], 0, false])
})
