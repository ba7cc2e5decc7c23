import { describe, expect, it } from 'vitest'
import type { EncodedResult } from '../../../src/backend/backend.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { TaskOptions } from '../../../src/task/options.ts'
import type { Outcome } from '../../../src/task/outcome.ts'
import { requests } from '../../support/requests.ts'
import { waitFor } from '../../support/wait-for.ts'

const failure = { excType: 'E', excMessage: [], excModule: 'm', repr: 'E()', traceback: 'tb' }
const success: Outcome = { kind: 'success', runtimeMs: 1, resultRepr: '1' }
const nothing = (): void => undefined

/** Runs one request to its end; answers what was said of its message, and what was stored. */
async function settle(options: TaskOptions, outcome: Outcome): Promise<{ said: string[]; states: string[] }> {
  const all = requests()
  const { request, said } = all.request(options)
  const done = request.execute(nothing)
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
    const done = request.execute(nothing)
    expect([said, all.running.length]).toEqual([['ack'], 0])
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve(success)
    await done
    expect(said).toEqual(['ack'])
  })

  it('acknowledges at the start where the task runs in a child', async () => {
    const all = requests()
    const { request, said } = all.request()
    const done = request.execute(nothing)
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
    const done = request.execute(nothing)
    await waitFor(() => all.running.length === 1)
    await all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{}' } satisfies EncodedResult)
    all.running[0]?.end.resolve(success)
    await done
    expect([storedFirst, said]).toEqual([true, ['ack']])
  })

  it('keeps the message when its result cannot be stored', async () => {
    const all = requests()
    all.storeError = new Error('disk full')
    const { request, said } = all.request({ acksLate: true })
    const done = request.execute(nothing)
    await waitFor(() => all.running.length === 1)
    await all.running[0]?.observer.store({ taskId: 'id-1', status: 'SUCCESS', body: '{}' })
    all.running[0]?.end.resolve(success)
    await expect(done).rejects.toThrow('disk full')
    expect(said).toEqual([])
  })

  it('hands the pool the limits of the message, else of the task', async () => {
    const all = requests()
    const both = all.request({ timeLimit: 10, softTimeLimit: 5 }, { timeLimit: 3 })
    const done = both.request.execute(nothing)
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

  it('sends errbacks for a task whose process is gone', async () => {
    const all = requests()
    const { request } = all.request({}, { errbacks: [signatureData({ task: 'proj.onError' })] })
    const done = request.execute(nothing)
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
