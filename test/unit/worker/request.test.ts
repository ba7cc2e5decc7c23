import { describe, expect, it } from 'vitest'
import type { EncodedResult, ReturningPart } from '../../../src/backend/backend.ts'
import { ChordEnds } from '../../../src/canvas/chord-ends.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { BackendError, ConnectionError, OperationalError } from '../../../src/errors.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { TaskOptions } from '../../../src/task/options.ts'
import type { Outcome } from '../../../src/task/outcome.ts'
import { backendContext } from '../../support/context.ts'
import { incomingTask } from '../../support/incoming.ts'
import { execute, requests } from '../../support/requests.ts'
import type { Requests } from '../../support/requests.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { waitFor } from '../../support/wait-for.ts'

const failure = { excType: 'E', excMessage: [], excModule: 'm', repr: 'E()', traceback: 'tb' }
const success: Outcome = { kind: 'success', runtimeMs: 1, resultRepr: '1' }

/** Runs one request to its end; answers what was said of its message, and what was stored. */
async function settle(options: TaskOptions, outcome: Outcome): Promise<{ said: string[]; states: string[] }> {
  const all = requests()
  const { request, said } = all.request(options)
  const done = execute(request)
  await waitFor(() => all.running.length === 1)
  all.running[0]?.observer.accepted(123)
  all.running[0]?.end.resolve(outcome)
  await done
  expect(all.parts.state.active.size).toBe(0)
  return { said, states: all.stored.map((meta) => `${meta.status} ${(meta.result as { exc_type: string }).exc_type}`) }
}

describe('the acknowledgement matrix', () => {
  const late = { acksLate: true }
  const cases: [string, TaskOptions, Outcome, string[], string[]][] = [
    ['success, late', late, success, ['ack'], []],
    ['success, early', {}, success, ['ack'], []],
    ['retry, late', late, { kind: 'retry', runtimeMs: 1, failure, message: '' }, ['ack'], []],
    ['ignored, late', late, { kind: 'ignored', runtimeMs: 1 }, ['ack'], []],
    ['rejected, late', late, { kind: 'rejected', runtimeMs: 1, requeue: false, reason: 'no' }, ['reject'], []],
    ['requeued, late', late, { kind: 'rejected', runtimeMs: 1, requeue: true, reason: 'no' }, ['requeue'], []],
    ['rejected, early', {}, { kind: 'rejected', runtimeMs: 1, requeue: true, reason: 'no' }, ['ack'], []],
    ['failure, late', late, { kind: 'failure', runtimeMs: 1, failure, expected: false }, ['ack'], []],
    [
      'failure, not to be acknowledged',
      { ...late, acksOnFailure: false },
      { kind: 'failure', runtimeMs: 1, failure, expected: false },
      ['reject'],
      [],
    ],
    ['timeout, late', late, { kind: 'timeout', seconds: 3 }, ['ack'], ['FAILURE TimeLimitExceeded']],
    ['timeout, early', {}, { kind: 'timeout', seconds: 3 }, ['ack'], ['FAILURE TimeLimitExceeded']],
    [
      'timeout, not to be acknowledged',
      { ...late, acksOnTimeout: false },
      { kind: 'timeout', seconds: 3 },
      ['requeue'],
      [],
    ],
    ['lost, late', late, { kind: 'lost', exit: 'SIGSEGV' }, ['ack'], ['FAILURE WorkerLostError']],
    ['lost, to be rejected', { ...late, rejectOnWorkerLost: true }, { kind: 'lost', exit: 1 }, ['requeue'], []],
    ['terminated, late', late, { kind: 'terminated', signal: 'SIGTERM' }, ['ack'], ['REVOKED TaskRevokedError']],
    ['cancelled, late', late, { kind: 'cancelled' }, ['requeue'], []],
    ['cancelled, early', {}, { kind: 'cancelled' }, ['ack'], ['FAILURE WorkerShutdown']],
    ['unstarted, late', late, { kind: 'unstarted' }, ['give back'], []],
  ]
  it.each(cases)('%s', async (_name, options, outcome, said, states) => {
    expect(await settle(options, outcome)).toEqual({ said, states })
  })
})

describe('execute', () => {
  it('acknowledges before the start where the task could take this process down', async () => {
    const all = requests({ isolated: false })
    const { request, said } = all.request()
    const done = execute(request)
    expect([said, all.running.length]).toEqual([['ack'], 0])
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve(success)
    await done
    expect(said).toEqual(['ack'])
  })

  it('says that it was cut, where it was acknowledged and the pool did not begin it any more', async () => {
    const all = requests({ isolated: false })
    const { request, said } = all.request()
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve({ kind: 'unstarted' })
    await done
    expect([said, all.stored.map(({ status }) => status)]).toEqual([['ack'], ['FAILURE']])
  })

  it('counts what waits for its result to be stored', async () => {
    const all = requests()
    const stored = deferred<void>()
    all.parts.backend.storeResult = () => stored.promise
    const { request } = all.request({ acksLate: true })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{}' })
    all.running[0]?.end.resolve(success)
    await waitFor(() => all.parts.state.settling === 1)
    stored.resolve()
    await done
    expect(all.parts.state.settling).toBe(0)
  })

  it('acknowledges at the start where the task runs in a child', async () => {
    const all = requests()
    const { request, said } = all.request()
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    expect(said).toEqual([])
    all.running[0]?.observer.accepted(123)
    expect([said, request.pid, all.parts.state.totals.get('proj.add')]).toEqual([['ack'], 123, 1])
    all.running[0]?.end.resolve(success)
    await done
  })

  it('stores the result before it acknowledges', async () => {
    const all = requests()
    const { request, said } = all.request({ acksLate: true })
    let storedFirst = false
    all.parts.backend.storeResult = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      storedFirst = said.length === 0
    }
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{}' } satisfies EncodedResult)
    all.running[0]?.end.resolve(success)
    await done
    expect([storedFirst, said]).toEqual([true, ['ack']])
  })

  it('keeps the message when its result cannot be stored', async () => {
    const all = requests()
    all.storeError = new Error('disk full')
    const { request, said } = all.request({ acksLate: true })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{}' })
    all.running[0]?.end.resolve(success)
    await expect(done).rejects.toThrow('disk full')
    expect(said).toEqual([])
  })

  it('hands the pool the limits of the message, else of the task', async () => {
    const all = requests()
    const both = all.request({ timeLimit: 10, softTimeLimit: 5 }, { timeLimit: 3 })
    const done = execute(both.request)
    await waitFor(() => all.running.length === 1)
    expect(all.running[0]?.job).toMatchObject({
      hardLimitMs: 3000,
      softLimitMs: 5000,
      taskId: 'id-1',
      hostname: 'celery@test',
    })
    all.running[0]?.end.resolve(success)
    await done
  })

  it('is over where the pool cannot take the job, and its message stays', async () => {
    const all = requests()
    all.parts.pool.execute = () => {
      throw new Error('no form')
    }
    const { request, said } = all.request({ acksLate: true })
    await expect(execute(request)).rejects.toThrow('no form')
    expect([said, all.parts.state.active.size]).toEqual([[], 0])
  })

  it('sends errbacks for a task whose process is gone', async () => {
    const all = requests()
    const { request } = all.request({}, { errbacks: [signatureData({ task: 'proj.onError' })] })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve({ kind: 'lost', exit: 9 })
    await done
    expect(all.calls).toMatchObject([{ name: 'proj.onError', args: ['id-1'] }])
  })
})

describe('fail', () => {
  it('also fails the links of the chain that will never run, and calls the errbacks', async () => {
    const all = requests()
    const chain = [
      signatureData({ task: 'proj.last', options: { task_id: 'last' } }),
      signatureData({ task: 'proj.next', options: { task_id: 'next' } }),
    ]
    const { request } = all.request({}, { chain, errbacks: [signatureData({ task: 'proj.onError' })] })
    await request.fail(new Error('gone'))
    expect(all.stored.map((meta) => [meta.task_id, meta.status])).toEqual([
      ['id-1', 'FAILURE'],
      ['last', 'FAILURE'],
      ['next', 'FAILURE'],
    ])
    expect(all.calls).toMatchObject([{ name: 'proj.onError', args: ['id-1'] }])
  })

  it('goes on without those that cannot be read, and tells listeners', async () => {
    const all = requests()
    const { request } = all.request()
    Object.assign(request.message.message, { body: '{' })
    const told: unknown[] = []
    all.parts.signals.on('task-failure', ({ taskId, exception }) => void told.push(taskId, exception))
    const error = new Error('gone')
    await request.fail(error)
    expect([all.stored.length, told]).toEqual([1, ['id-1', error]])
    expect(all.logged).toEqual(['ERROR The errbacks of proj.add[id-1] could not be read'])
  })
})

describe('drop', () => {
  it('stores REVOKED, acknowledges and tells why', async () => {
    const all = requests()
    const { request, said } = all.request()
    const facts: unknown[] = []
    all.parts.signals.on('task-revoked', ({ expired, terminated }) => void facts.push({ expired, terminated }))
    await request.drop('expired')
    expect([said, all.stored[0]?.status, facts]).toEqual([['ack'], 'REVOKED', [{ expired: true, terminated: false }]])
  })
})

describe('a part of a chord', () => {
  const chord = signatureData({ task: 'proj.sum', options: { task_id: 'body' } })
  const part = { chord, groupId: 'g1', groupIndex: 0 }

  async function withChord(): Promise<Requests> {
    const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext())
    await backend.chords?.setChordSize('g1', 1)
    const all = requests()
    Object.assign(all.parts.host, { backend: () => Promise.resolve(backend) })
    Object.assign(all.parts.backend, { chords: backend.chords })
    return all
  }

  /** It runs to its end, and says so as a part. */
  async function succeed(all: Requests, { request }: ReturnType<Requests['request']>): Promise<void> {
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    const { chords } = all.parts.backend
    all.running[0]?.observer.endPart(chords?.encodePart({ taskId: 'id-1', status: 'SUCCESS', result: 7 }) ?? '')
    all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{"task_id":"id-1"}' })
    all.running[0]?.end.resolve({ kind: 'success', runtimeMs: 1, resultRepr: '7' })
    await done
  }

  it('is counted, and the body sent after the last one, before its message goes', async () => {
    const all = await withChord()
    const one = all.request({ acksLate: true }, part)
    all.parts.host.call = (name, args, { parentId, taskId } = {}) => {
      one.said.push(`${name} ${JSON.stringify(args)} ${String(parentId)} ${String(taskId)}`)
      return Promise.resolve(undefined as never)
    }
    await succeed(all, one)
    expect(one.said).toEqual(['proj.sum [[7]] id-1 body', 'ack'])
  })

  it('ends its chord together with those of others where it can', async () => {
    const all = await withChord()
    const { host, logger, clock, stopping: signal, backend } = all.parts
    const { chords } = backend
    if (chords === undefined) expect.fail('it counts')
    const one = all.request({ acksLate: true }, part)
    Object.assign(all.parts, { chordEnds: new ChordEnds({ host, chords, logger, clock, signal }) })
    all.parts.host.callMany = async (calls) => void one.said.push(...calls.map(({ name }) => `${name}, together`))
    await succeed(all, one)
    expect(one.said).toEqual(['proj.sum, together', 'ack'])
    all.parts.host.callMany = () => Promise.reject(new Error('not together'))
    const { request, said } = all.request({ acksLate: true }, { ...part, id: 'id-2' })
    await chords.setChordSize('g1', 1)
    await succeed(all, { ...one, request, said })
    expect([said, all.calls.map(({ name }) => name)]).toEqual([['ack'], ['proj.sum']])
  })

  it('stands by what it has said, although its process is gone before it could tell the outcome', async () => {
    const all = await withChord()
    const { request, said } = all.request({ acksLate: true }, part)
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    const { chords } = all.parts.backend
    all.running[0]?.observer.endPart(chords?.encodePart({ taskId: 'id-1', status: 'SUCCESS', result: 7 }) ?? '')
    all.running[0]?.end.resolve({ kind: 'lost', exit: 'SIGKILL' })
    await done
    expect([all.calls.map(({ args }) => args), said]).toEqual([[[[7]]], ['ack']])
  })

  it('keeps its message where it could not be counted before the end', async () => {
    const all = await withChord()
    const abort = new AbortController()
    Object.assign(all.parts, { stopping: abort.signal })
    const { chords } = all.parts.backend
    const cause = new OperationalError('away')
    const away = async (part: ReturningPart): Promise<void> => {
      part.progress = new BackendError('away', { cause })
    }
    Object.assign(chords as object, { returnPart: away })
    const one = all.request({ acksLate: true }, part)
    abort.abort()
    await expect(succeed(all, one)).rejects.toThrow('away')
    expect(one.said).toEqual([])
  })

  it('has stored what a chord that fails says of the others before its message goes', async () => {
    const all = await withChord()
    all.parts.host.call = () => Promise.reject(new TypeError('no form'))
    const one = all.request({ acksLate: true }, part)
    await succeed(all, one)
    expect(all.stored.map(({ task_id: id }) => id)).toEqual(['id-1', 'body'])
    expect(one.said).toEqual(['ack'])
  })

  it('is counted where it has succeeded before, and does not run again', async () => {
    const all = await withChord()
    const asked: string[] = []
    const findSuccess = async (id: string): Promise<TaskMeta> => {
      asked.push(id)
      return { task_id: id, status: 'SUCCESS', result: 7 } as TaskMeta
    }
    Object.assign(all.parts, { findSuccess })
    const { request, said } = all.request({ acksLate: true }, part, { redelivered: true })
    await execute(request)
    expect([all.calls.map(({ args }) => args), said, asked]).toEqual([[[[7]]], ['ack'], ['id-1']])
    expect(all.logged.join()).toContain('has succeeded before')
    // Nobody asks about what came for the first time, or is acknowledged early.
    for (const [options, fate] of [[{ acksLate: true }, {}] as const, [{}, { redelivered: true }] as const]) {
      const running = execute(all.request(options, {}, fate).request)
      await waitFor(() => all.running.length === 1)
      all.running[0]?.end.resolve({ kind: 'success', runtimeMs: 1, resultRepr: '7' })
      await running
    }
    expect(asked).toEqual(['id-1'])
  })

  it('counts when it is dropped', async () => {
    const all = await withChord()
    await all.request({}, part).request.drop('expired')
    expect(all.stored.map(({ task_id: id }) => id)).toEqual(['id-1', 'body'])
    expect(all.stored[1]?.result).toMatchObject({
      exc_type: 'ChordError',
      exc_message: ["Dependency id-1 raised TaskRevokedError('expired')"],
    })
  })

  it('counts when its process is gone', async () => {
    const all = await withChord()
    await all.request({}, part).request.fail(new Error('gone'))
    expect(all.stored.map(({ task_id: id }) => id)).toEqual(['id-1', 'body'])
  })

  it.each([
    [false, ['id-1', 'body'], 'reject'],
    [true, [], 'requeue'],
  ])('counts when it is rejected and does not come again (requeue: %s)', async (requeue, ids, verb) => {
    const all = await withChord()
    const { request, said } = all.request({ acksLate: true }, part)
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve({ kind: 'rejected', runtimeMs: 1, requeue, reason: 'no' })
    await done
    expect([all.stored.map(({ task_id: id }) => id), said]).toEqual([ids, [verb]])
  })
})

describe('cancel', () => {
  it('ends what comes again, leaves its message alone, and says that it will run again', async () => {
    const all = requests()
    const { request, said } = all.request({ acksLate: true })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    request.cancel()
    all.running[0]?.end.resolve({ kind: 'terminated', signal: 'SIGTERM' })
    await done
    expect([said, all.stored.map(({ status }) => status)]).toEqual([[], ['RETRY']])
  })

  it('does so too where the pool tells the end at once', async () => {
    const all = requests()
    all.parts.pool.terminate = () => {
      all.running[0]?.end.resolve({ kind: 'terminated', signal: 'SIGTERM' })
      return true
    }
    const { request } = all.request({ acksLate: true })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    request.cancel()
    await done
    expect(all.stored.map(({ status }) => status)).toEqual(['RETRY'])
  })

  it('lets go on what is acknowledged', async () => {
    const all = requests()
    const { request, said } = all.request()
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.accepted(1)
    request.cancel()
    all.running[0]?.end.resolve({ kind: 'terminated', signal: 'SIGTERM' })
    await done
    expect([said, all.stored.map(({ status }) => status)]).toEqual([['ack'], ['REVOKED']])
  })
})

describe('a result', () => {
  it('is for whom the message names, under the id that it is known by', async () => {
    const all = requests()
    const { request } = all.request({}, { id: 'own', replyTo: 'caller' })
    for (const taskId of ['own', 'other']) request.store({ taskId, status: 'SUCCESS', body: '{}' })
    await waitFor(() => all.stored.length === 2)
    expect(all.addresses).toEqual([
      expect.objectContaining({ reply_to: 'caller', correlation_id: 'own' }),
      // A link of its chain, for instance.
      { reply_to: 'caller' },
    ])
  })
})

describe('a message that comes again from a lost connection', () => {
  const lost = { error: new ConnectionError('cut') }

  it('is acknowledged by the request that runs, in place of the first one', async () => {
    const all = requests()
    const { request, said } = all.request({ acksLate: true })
    const again = incomingTask({}, {}, { redelivered: true })
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    await request.adopt(again.message)
    expect(again.said).toEqual([])
    all.running[0]?.end.resolve(success)
    await done
    expect([said, again.said]).toEqual([[], ['ack']])
  })

  it('is told what was said of the first one', async () => {
    const outcomes: [Outcome, string][] = [
      [success, 'ack'],
      [{ kind: 'rejected', runtimeMs: 1, requeue: false, reason: 'no' }, 'reject'],
      [{ kind: 'rejected', runtimeMs: 1, requeue: true, reason: 'no' }, 'requeue'],
    ]
    for (const [outcome, verdict] of outcomes) {
      const all = requests()
      const { request } = all.request({ acksLate: true }, {}, lost)
      const done = execute(request)
      await waitFor(() => all.running.length === 1)
      all.running[0]?.end.resolve(outcome)
      await expect(done).rejects.toThrow('cut')
      const again = incomingTask({}, {}, { redelivered: true })
      await request.adopt(again.message)
      expect(again.said).toEqual([verdict])
    }
  })

  it('is expected where the early acknowledgement may not have arrived, and the task runs all the same', async () => {
    const all = requests({ isolated: false })
    const { request } = all.request({}, {}, lost)
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    expect(all.parts.state.orphans.take(request)).toBe(request)
    all.running[0]?.end.resolve(success)
    await done
  })

  it('likewise where the task runs in another process', async () => {
    const all = requests()
    const { request } = all.request({}, {}, lost)
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.accepted(1)
    await waitFor(() => all.parts.state.orphans.take(request) === request)
    all.running[0]?.end.resolve(success)
    await done
  })
})

describe('events', () => {
  /** The events of one request, from its arrival to its end. */
  async function eventsOf(outcome: Outcome, options: TaskOptions = {}): Promise<unknown[]> {
    const all = requests({ sendsTasks: true })
    const { request } = all.request(options, { id: 'id-1', args: [1, 2], rootId: 'r', retries: 2 })
    request.received()
    const done = execute(request)
    await waitFor(() => all.running.length === 1)
    all.running[0]?.observer.accepted(123)
    all.running[0]?.end.resolve(outcome)
    await done
    return all.events
  }
  const uuid = 'id-1'
  const received = [
    'task-received',
    {
      ...{ uuid, name: 'proj.add', args: '(1, 2)', kwargs: '{}', root_id: 'r', parent_id: null, retries: 2 },
      ...{ eta: null, expires: null },
    },
  ]
  const started = ['task-started', { uuid }]
  const failed = { uuid, exception: 'E()', traceback: 'tb' }

  it.each<[string, Outcome, unknown[]]>([
    [
      'success',
      { kind: 'success', runtimeMs: 1500, resultRepr: '3' },
      [['task-succeeded', { uuid, result: '3', runtime: 1.5 }]],
    ],
    ['failure', { kind: 'failure', runtimeMs: 1, failure, expected: false }, [['task-failed', failed]]],
    ['retry', { kind: 'retry', runtimeMs: 1, failure, message: '' }, [['task-retried', failed]]],
    ['ignored', { kind: 'ignored', runtimeMs: 1 }, []],
    [
      'terminated',
      { kind: 'terminated', signal: 'SIGTERM' },
      [['task-revoked', { uuid, terminated: true, signum: 15, expired: false }]],
    ],
  ])('%s', async (_name, outcome, ends) => {
    expect(await eventsOf(outcome)).toEqual([received, started, ...ends])
  })

  it('tell of an end that the task did not choose, and of a message that was refused', async () => {
    expect(await eventsOf({ kind: 'lost', exit: 'SIGSEGV' })).toMatchObject([
      received,
      started,
      ['task-failed', { uuid }],
    ])
    const late = { acksLate: true }
    const rejected: Outcome = { kind: 'rejected', runtimeMs: 1, requeue: true, reason: 'no' }
    expect(await eventsOf(rejected, late)).toEqual([received, started, ['task-rejected', { uuid, requeue: true }]])
  })

  it('tell of what never ran', async () => {
    const all = requests({ sendsTasks: true })
    await all.request({}, { id: uuid }).request.drop('expired')
    await all.request({}, { id: uuid }).request.drop('revoked')
    expect(all.events).toEqual([
      ['task-revoked', { uuid, terminated: false, signum: null, expired: true }],
      ['task-revoked', { uuid, terminated: false, signum: null, expired: false }],
    ])
  })

  it('are not sent about a task that wants none', async () => {
    expect(await eventsOf(success, { sendEvents: false })).toEqual([])
  })
})
