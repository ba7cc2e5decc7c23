import { describe, expect, it } from 'vitest'
import { storeResult } from '../../../src/backend/storing.ts'
import { chordUnlockTask } from '../../../src/app/chord-unlock.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { InvalidTaskError, Retry } from '../../../src/errors.ts'
import { encodeException } from '../../../src/protocol/exception.ts'
import { encodeTaskMeta, taskTuple } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { TaskContext } from '../../../src/task/context.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHost } from '../../support/fake-host.ts'

const BODY = signatureData({ task: 'proj.sum', options: { task_id: 'body' } })

async function fixture() {
  const { host, calls } = fakeHost()
  const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext())
  const app = Object.assign(host, {
    clock: fakeClock(),
    logger: silentLogger(),
    backend: () => Promise.resolve(backend),
  })
  const self = new TaskContext({
    app,
    host: app,
    taskName: 'celery.chord_unlock',
    request: new TaskRequest({
      head: bareHead('celery.chord_unlock', 'u1'),
      args: [],
      kwargs: {},
      embed: NO_EMBED,
      properties: {},
      deliveryInfo: { exchange: '', routing_key: 'celery', priority: null, redelivered: false },
      hostname: 'celery@test',
      isEager: false,
      calledDirectly: false,
    }),
    limits: { maxRetries: null, defaultRetryDelay: 180 },
    logger: app.logger,
    signal: () => new AbortController().signal,
    storeState: () => undefined,
    sendEvent: () => Promise.resolve(),
  })
  const { name, options, fn } = chordUnlockTask(app)
  const run = (...args: unknown[]) => (fn as (...args: unknown[]) => Promise<void>)(self, ...args)
  const store = (taskId: string, value: unknown) => {
    const failed = value instanceof Error
    const fields = { taskId, status: failed ? 'FAILURE' : 'SUCCESS', result: failed ? encodeException(value) : value }
    return storeResult(backend, backend.encodeResult(encodeTaskMeta(fields, 0)))
  }
  return { name, options, run, store, calls, backend }
}

const planOf = async (run: Promise<void>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => (error as Retry).plan,
  )

describe('celery.chord_unlock', () => {
  it('looks again for ever while results are missing, as often as it is told', async () => {
    const { name, options, run } = await fixture()
    expect(name).toBe('celery.chord_unlock')
    expect(options).toMatchObject({ bind: true, ignoreResult: true, maxRetries: null })
    expect(await planOf(run('g1', BODY, 0.25, null, [taskTuple('t1')]))).toMatchObject({ countdown: 0.25 })
    expect(await planOf(run('g1', BODY, null, null, [taskTuple('t1')]))).toMatchObject({ countdown: 1 })
    await expect(run('g1', BODY, null, 0, [taskTuple('t1')])).rejects.not.toThrow(Retry)
  })

  it('looks again when the results cannot be had', async () => {
    const { run, backend } = await fixture()
    backend.getMetas = () => Promise.reject(new Error('away'))
    expect(await planOf(run('g1', BODY, 0.25, null, [taskTuple('t1')]))).toMatchObject({ countdown: 0.25 })
  })

  it('sends the body when all are there', async () => {
    const { run, store, calls } = await fixture()
    await store('t1', 5)
    await run('g1', BODY, null, null, [taskTuple('t1')])
    expect(calls).toMatchObject([{ name: 'proj.sum', args: [[5]], options: { taskId: 'body' } }])
  })

  it('stores the failure of the body', async () => {
    const { run, store, backend } = await fixture()
    await store('t1', new TypeError('x'))
    await run('g1', BODY, null, null, [taskTuple('t1')])
    expect(await backend.getMeta('body')).toMatchObject({ status: 'FAILURE', result: { exc_type: 'ChordError' } })
  })

  it('refuses a message that names no results', async () => {
    const { run } = await fixture()
    await expect(run('g1', BODY)).rejects.toThrow(InvalidTaskError)
  })
})
