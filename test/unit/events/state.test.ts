import { describe, expect, it } from 'vitest'
import { State } from '../../../src/events/state.ts'
import type { StateEvent, StateOptions } from '../../../src/events/state.ts'
import type { TaskRecord } from '../../../src/events/task-record.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { makeEvent } from '../../support/events.ts'
import type { EventFacts } from '../../support/events.ts'

function fixture(options: StateOptions = {}) {
  const clock = fakeClock(100_000)
  const warnings: string[] = []
  const logger = createLogger({ write: ({ message }) => warnings.push(message) })
  const state = new State({ clock, logger, ...options })
  const tell = (type: string, fields: Record<string, unknown> = {}, facts: EventFacts = {}) =>
    state.event({ local_received: 100, ...makeEvent(type, fields, { timestamp: 100, ...facts }) })
  return { state, clock, warnings, tell }
}

const idsOf = (tasks: Iterable<TaskRecord>): string[] => [...tasks].map(({ uuid }) => uuid)

describe('events of workers', () => {
  it('make, change and remove a worker', () => {
    const news: string[] = []
    const { state, tell } = fixture({
      onNodeJoin: ({ hostname }) => news.push(`+${hostname}`),
      onNodeLeave: ({ hostname }) => news.push(`-${hostname}`),
    })
    const created = tell('worker-heartbeat', { active: 1, freq: 2 })
    expect(created).toMatchObject({ subject: 'heartbeat', created: true })
    expect(tell('worker-heartbeat', { active: 2 })).toMatchObject({ created: false, worker: created?.worker })
    expect(state.workers.get('a@h')).toMatchObject({ active: 2, freq: 2, alive: true })
    expect(tell('worker-online')).toMatchObject({ created: false })
    expect(tell('worker-offline')).toMatchObject({ subject: 'offline', created: false })
    expect(tell('worker-offline')).toMatchObject({ created: false })
    expect(news).toEqual(['+a@h', '+a@h', '-a@h', '-a@h'])
    expect([state.workers.size, state.eventCount]).toEqual([0, 5])
  })

  it('tell who is alive', async () => {
    const { state, tell, clock } = fixture()
    tell('worker-heartbeat', { freq: 2 })
    tell('worker-heartbeat', { freq: 60 }, { hostname: 'b@h' })
    expect(state.aliveWorkers().map(({ hostname }) => hostname)).toEqual(['a@h', 'b@h'])
    await clock.advance(4000)
    expect(state.aliveWorkers().map(({ hostname }) => hostname)).toEqual(['b@h'])
  })

  it('warn of clocks that differ, once a host', () => {
    const { tell, warnings } = fixture()
    tell('worker-heartbeat', {}, { timestamp: 116 })
    expect(warnings).toEqual([])
    tell('worker-heartbeat', {}, { timestamp: 83 })
    tell('worker-heartbeat', {}, { timestamp: 83 })
    expect(warnings).toEqual([expect.stringContaining('Events of a@h come 17.0 s after the time')])
  })

  it('count as heard now where they do not say when', () => {
    const { state } = fixture()
    state.event({ type: 'worker-heartbeat', hostname: 'a@h' })
    expect(state.workers.get('a@h')?.heartbeats).toEqual([100])
  })

  it('leave so many workers in memory', () => {
    const { state, tell } = fixture({ maxWorkersInMemory: 2 })
    for (const hostname of ['a', 'b', 'c']) tell('worker-heartbeat', {}, { hostname })
    expect([...state.workers.keys()]).toEqual(['b', 'c'])
  })
})

describe('events of tasks', () => {
  it('make and change a task, and are a sign of life', () => {
    const { state, tell } = fixture()
    const sent = tell('task-sent', { uuid: 'id', name: 'add', queue: 'q' }, { hostname: 'gen1@h' })
    expect(sent).toMatchObject({ subject: 'sent', created: true })
    expect(sent?.task).toMatchObject({ client: 'gen1@h', worker: undefined, state: 'PENDING' })
    tell('task-received', { uuid: 'id', name: 'add' })
    expect(tell('task-started', { uuid: 'id' })).toMatchObject({ created: false, task: sent?.task })
    expect(sent?.task).toMatchObject({ state: 'STARTED', worker: state.workers.get('a@h'), queue: 'q' })
    expect(state.workers.get('a@h')?.alive).toBe(true)
    expect([...state.workers.keys()]).toEqual(['a@h'])
    expect([state.eventCount, state.taskCount, state.taskTypes()]).toEqual([3, 1, ['add']])
  })

  it.each([
    { type: 'task-mine', hostname: 'h', timestamp: 1 },
    { type: 'task-mine', uuid: 1, hostname: 'h', timestamp: 1 },
    { type: 'task-mine', uuid: 'id', hostname: 'h', timestamp: 'x' },
    { type: 'worker-mine' },
    { type: 'other-thing', hostname: 'h' },
    { type: '' },
    { type: '-' },
  ])('that say too little change nothing: %j', (event: StateEvent) => {
    const { state } = fixture()
    expect(state.event(event)).toBeUndefined()
    expect([state.eventCount, state.tasks.size, state.workers.size]).toEqual([1, 0, 0])
  })

  it('leave so many tasks and names in memory', () => {
    const { state, tell } = fixture({ maxTasksInMemory: 2 })
    for (const uuid of ['a', 'b', 'c']) tell('task-received', { uuid, name: uuid })
    expect([...state.tasks.keys()]).toEqual(['b', 'c'])
    expect(idsOf(state.tasksByTime())).toEqual(['c', 'b'])
    expect(state.taskTypes()).toEqual(['b', 'c'])
  })
})

describe('lists', () => {
  function listed() {
    const made = fixture()
    made.tell('task-received', { uuid: 'a', name: 'x' }, { clock: 1 })
    made.tell('task-received', { uuid: 'b', name: 'y' }, { clock: 2 })
    made.tell('task-sent', { uuid: 'c', name: 'x' }, { clock: 3, hostname: 'gen1@h' })
    made.tell('task-started', { uuid: 'a' }, { clock: 4, hostname: 'b@h' })
    return made
  }

  it('are in the order of the last event', () => {
    const { state } = listed()
    expect(idsOf(state.tasksByTime())).toEqual(['a', 'c', 'b'])
    expect(idsOf(state.tasksByTime({ reverse: false }))).toEqual(['a', 'b', 'c'])
    expect(idsOf(state.tasksByTime({ limit: 2 }))).toEqual(['a', 'c'])
    expect(idsOf(state.tasksByTime({ limit: 0 }))).toEqual([])
  })

  it('are by type or by worker', () => {
    const { state } = listed()
    expect(idsOf(state.tasksByType('x'))).toEqual(['a', 'c'])
    expect(idsOf(state.tasksByType('x', { limit: 1, reverse: false }))).toEqual(['a'])
    expect(idsOf(state.tasksByWorker('b@h'))).toEqual(['a'])
    expect(idsOf(state.tasksByWorker('gen1@h'))).toEqual([])
  })
})

describe('groups of events', () => {
  it('are taken by handlers of the user’s', () => {
    const taken: string[] = []
    const { state, tell } = fixture({
      handlers: { order: (subject, { id }) => taken.push(`${subject} ${String(id)}`) },
    })
    expect(tell('order-shipped', { id: 5 })).toEqual({ subject: 'shipped', created: false })
    expect([taken, state.eventCount]).toEqual([['shipped 5'], 1])
  })

  it('pass by the callback first', () => {
    const seen: number[] = []
    const { tell } = fixture({ callback: (state) => seen.push(state.tasks.size) })
    tell('task-received', { uuid: 'a' })
    tell('other-thing')
    expect(seen).toEqual([0, 1])
  })
})

describe('clear', () => {
  it('keeps tasks that have not ended, unless all are to go', () => {
    const { state, tell } = fixture()
    tell('task-started', { uuid: 'a' })
    tell('task-succeeded', { uuid: 'b' })
    state.clear()
    expect([idsOf(state.tasksByTime()), state.workers.size, state.eventCount, state.taskCount]).toEqual([
      ['a'],
      0,
      0,
      0,
    ])
    state.clear(false)
    expect([idsOf(state.tasksByTime()), state.tasks.size]).toEqual([[], 0])
  })
})

describe('freezeWhile', () => {
  it('lets nothing change while an asynchronous function looks', async () => {
    const { state, tell } = fixture()
    tell('task-received', { uuid: 'a' })
    const look = deferred<string>()
    const looking = state.freezeWhile(() => look.promise)
    expect(tell('task-succeeded', { uuid: 'a' })).toBeUndefined()
    expect(state.tasks.get('a')?.state).toBe('RECEIVED')
    look.resolve('seen')
    expect(await looking).toBe('seen')
    expect(state.tasks.get('a')?.state).toBe('SUCCESS')
  })

  it('answers what a function answers, and forgets what has ended if asked', () => {
    const { state, tell } = fixture()
    tell('task-succeeded', { uuid: 'a' })
    expect(state.freezeWhile(() => state.tasks.size, { clearAfter: true })).toBe(1)
    expect(state.tasks.size).toBe(0)
  })

  it('thaws after an error', async () => {
    const { state, tell } = fixture()
    const wrong = new Error('wrong')
    expect(() =>
      state.freezeWhile(() => {
        throw wrong
      }),
    ).toThrow(wrong)
    await expect(state.freezeWhile(() => Promise.reject(wrong))).rejects.toBe(wrong)
    expect(tell('task-received', { uuid: 'a' })?.created).toBe(true)
  })

  it('lets so many events wait, and logs what a callback throws afterwards', async () => {
    const { state, tell, warnings } = fixture({
      maxTasksInMemory: 1,
      onNodeJoin: () => {
        throw new Error('wrong')
      },
    })
    const look = deferred<void>()
    const looking = state.freezeWhile(() => look.promise)
    tell('worker-online')
    for (const uuid of ['a', 'b', 'c', 'd']) tell('task-received', { uuid })
    look.resolve()
    await looking
    expect([state.eventCount, warnings]).toEqual([4, []])
    const again = state.freezeWhile(() => Promise.resolve())
    tell('worker-online')
    await again
    expect(warnings).toEqual(['An event worker-online could not be applied'])
  })
})
