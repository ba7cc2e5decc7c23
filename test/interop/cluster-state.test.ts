/** Celery's State in Python and ours make the same of the same events: recorded ones, and any others, in any order. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { State } from '../../src/events/state.ts'
import type { StateEvent } from '../../src/events/state.ts'
import { decodeEvent } from '../../src/protocol/event.ts'
import { describeWithPythonCelery, startPython } from '../support/python-celery.ts'
import type { PythonProcess } from '../support/python-celery.ts'
import { stopProcess } from '../support/server.ts'
import { ROOT } from '../support/sources.ts'

/** What both say of a cluster. */
type Facts = Readonly<Record<string, unknown>>

const TASKS = ['a', 'b', 'c', 'd', 'e', 'f']
const HOSTS = ['x@h', 'y@h', 'z@h']

/** The same as Python's program says, of our state. */
function look(events: readonly StateEvent[], maxTasks: number): Facts {
  const news: string[] = []
  const state = new State({
    maxTasksInMemory: maxTasks,
    onNodeJoin: ({ hostname }) => news.push(`+${hostname}`),
    onNodeLeave: ({ hostname }) => news.push(`-${hostname}`),
  })
  for (const event of events) state.event(event)
  const plain = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (_name, item: unknown) => (item === undefined ? null : item)))
  const tasks = [...state.tasks].map(([uuid, task]) => {
    const { queue: _queue, root: _root, parent: _parent, children, ...facts } = task.toJSON()
    return [uuid, { ...facts, children: (children as string[]).toSorted() }]
  })
  const workers = [...state.workers].map(([name, worker]) => {
    const { sw_ver: _ver, sw_sys: _sys, ...facts } = worker.toJSON()
    return [name, facts]
  })
  return plain({
    tasks: Object.fromEntries(tasks),
    order: [...state.tasksByTime()].map(({ uuid }) => uuid),
    workers: Object.fromEntries(workers),
    counts: [state.eventCount, state.taskCount],
    types: state.taskTypes(),
    news,
  }) as Facts
}

/** Events that say what workers say, each once, of few tasks and workers; clocks and times in no order. */
function anyEvents(): fc.Arbitrary<StateEvent[]> {
  const uuid = fc.constantFrom(...TASKS)
  const parent = fc.option(fc.constantFrom(...TASKS, 'unknown'))
  const common = { clock: fc.nat(30), timestamp: fc.nat(20).map((second) => 1000 + second), utcoffset: fc.constant(0) }
  const ofTask = (type: string, fields: Record<string, fc.Arbitrary<unknown>> = {}) =>
    fc.record({
      type: fc.constant(type),
      hostname: type === 'task-sent' ? fc.constant('gen7@h') : fc.constantFrom(...HOSTS),
      uuid,
      ...common,
      ...fields,
    })
  const call = {
    name: fc.constantFrom('proj.add', 'proj.mul'),
    args: fc.string(),
    kwargs: fc.constant('{}'),
    retries: fc.nat(3),
    eta: fc.constant(null),
    expires: fc.constant(null),
    parent_id: parent,
    root_id: parent,
  }
  const failure = { exception: fc.string(), traceback: fc.string() }
  const ofWorker = (type: string) =>
    fc.record({
      type: fc.constant(type),
      hostname: fc.constantFrom(...HOSTS),
      pid: fc.constantFrom(7, 8),
      freq: fc.constant(2),
      active: fc.nat(9),
      processed: fc.nat(9),
      loadavg: fc.constant([0.5, 1, 1.5]),
      sw_ident: fc.constant('py-celery'),
      ...common,
    })
  const event = fc.oneof(
    ofTask('task-sent', { ...call, exchange: fc.constant(''), routing_key: fc.constant('k') }),
    ofTask('task-received', call),
    ofTask('task-received', call),
    ofTask('task-started'),
    ofTask('task-succeeded', { result: fc.string(), runtime: fc.nat(9) }),
    ofTask('task-failed', failure),
    ofTask('task-retried', failure),
    ofTask('task-rejected', { requeue: fc.boolean() }),
    ofTask('task-revoked', { terminated: fc.boolean(), signum: fc.constant(null), expired: fc.boolean() }),
    ofTask('task-uploading', { percent: fc.nat(100) }),
    ofWorker('worker-online'),
    ofWorker('worker-heartbeat'),
    ofWorker('worker-offline'),
    ofWorker('order-shipped'),
  )
  // When it came is when it was sent: of a task's event Python takes the one time for the other.
  const received = event.map((facts) => ({ ...facts, local_received: facts.timestamp }))
  return fc.array(received, { maxLength: 60 })
}

function recordedEvents(): StateEvent[] {
  const text = readFileSync(join(ROOT, 'test/wire/redis-events.json'), 'utf8')
  const cases = JSON.parse(text) as { published: { decoded: unknown }[] }[]
  return cases
    .flatMap(({ published }) => published.flatMap(({ decoded }) => decodeEvent(decoded, () => undefined)))
    .map((event) => ({ ...event, local_received: event.timestamp }))
}

describeWithPythonCelery('The state of a cluster', () => {
  let python: PythonProcess
  let ask: (question: { events: readonly StateEvent[]; maxTasks: number }) => Promise<Facts>

  beforeAll(() => {
    python = startPython(['cluster_state.py'], { cwd: join(ROOT, 'test/interop/python'), env: {} })
    const waiting: ((facts: Facts) => void)[] = []
    createInterface({ input: python.process.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      waiting.shift()?.(JSON.parse(line) as Facts),
    )
    const ended = new Promise<never>((_resolve, reject) => {
      python.process.once('exit', () => reject(new Error(`Python ended:\n${python.errors}`)))
    })
    ended.catch(() => undefined)
    ask = (question) => {
      const answer = new Promise<Facts>((resolve) => waiting.push(resolve))
      python.process.stdin?.write(`${JSON.stringify(question)}\n`)
      return Promise.race([answer, ended])
    }
  })
  afterAll(() => stopProcess(python.process, 'SIGKILL'))

  it('is the same after recorded events, in any order', async () => {
    const events = recordedEvents()
    const shuffled = fc.shuffledSubarray(events, { minLength: events.length })
    expect(look(events, 100)).toEqual(await ask({ events, maxTasks: 100 }))
    await fc.assert(
      fc.asyncProperty(shuffled, async (order) => {
        expect(look(order, 100)).toEqual(await ask({ events: order, maxTasks: 100 }))
      }),
      { numRuns: 20 },
    )
  })

  it('is the same after any events, also where few tasks are remembered', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents(), fc.constantFrom(2, 4, 100), async (events, maxTasks) => {
        expect(look(structuredClone(events), maxTasks)).toEqual(await ask({ events, maxTasks }))
      }),
      { numRuns: 300 },
    )
  })
})
