import { afterAll, beforeAll, expect, it } from 'vitest'
import { redisBackend } from '../../../../src/backend/redis.ts'
import type { ResultBackend } from '../../../../src/backend/backend.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { BackendError } from '../../../../src/errors.ts'
import { backendContext } from '../../../support/context.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('watching results', () => {
  let server: RedisServer
  let backend: ResultBackend

  beforeAll(async () => {
    server = await startRedis()
    backend = await redisBackend.open(server.url, { globalKeyprefix: 'app' }, backendContext())
  })
  afterAll(async () => {
    await backend.close()
    await server.stop()
  })

  function document(taskId: string, status = 'SUCCESS'): string {
    return JSON.stringify({ status, result: taskId, traceback: null, children: [], date_done: null, task_id: taskId })
  }

  function watch(...ids: readonly string[]) {
    const [metas, errors]: [TaskMeta[], Error[]] = [[], []]
    const { stop } = backend.watch(
      ids,
      (meta) => metas.push(meta),
      (error) => errors.push(error),
    )
    return { metas, errors, stop }
  }

  async function channels(): Promise<string[]> {
    return (await server.ask('PUBSUB', 'CHANNELS')).split('\n').filter(Boolean).sort()
  }

  /** As Python does it. */
  async function write(taskId: string, status?: string): Promise<void> {
    const key = `app_celery-task-meta-${taskId}`
    await server.ask('SETEX', key, '60', document(taskId, status))
    await server.ask('PUBLISH', key, document(taskId, status))
  }

  it('is one command for all watches of a turn, and leaves no subscription behind', async () => {
    const watches = [watch('t1', 't2'), watch('t2', 't3')]
    await waitFor(async () => (await channels()).length === 3)
    const calls = /cmdstat_subscribe:calls=(\d+)/.exec(await server.ask('INFO', 'commandstats'))?.[1]
    expect(calls).toBe('1')
    await write('t2')
    for (const { metas } of watches) await waitFor(() => metas.length === 1)
    watches[0]?.stop()
    await waitFor(async () => (await channels()).length === 2)
    expect(await channels()).toEqual(['app_celery-task-meta-t2', 'app_celery-task-meta-t3'])
    watches[1]?.stop()
    await waitFor(async () => (await channels()).length === 0)
  })

  it('may end before it has begun', async () => {
    watch('never').stop()
    const { metas, stop } = watch('here')
    await waitFor(async () => (await channels()).length === 1)
    expect(await channels()).toEqual(['app_celery-task-meta-here'])
    await write('here')
    await waitFor(() => metas.length === 1)
    stop()
  })

  it('listens and looks again after its connection was cut', async () => {
    const { metas, errors, stop } = watch('cut1', 'cut2')
    await waitFor(async () => (await channels()).length === 2)
    // Written without a word, as if the word had been lost with the connection.
    await server.ask('SET', 'app_celery-task-meta-cut1', document('cut1'))
    await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await waitFor(() => metas.length === 1)
    await write('cut2')
    await waitFor(() => metas.some(({ task_id }) => task_id === 'cut2'))
    expect(errors).toEqual([])
    stop()
    await waitFor(async () => (await channels()).length === 0)
  })

  it('fails with what cannot be read, once', async () => {
    const { metas, errors } = watch('rubbish')
    await waitFor(async () => (await channels()).length === 1)
    await server.ask('PUBLISH', 'app_celery-task-meta-rubbish', 'rubbish')
    await server.ask('PUBLISH', 'app_celery-task-meta-rubbish', 'rubbish')
    await waitFor(async () => errors.length === 1 && (await channels()).length === 0)
    expect(errors[0]).toBeInstanceOf(BackendError)
    expect(metas).toEqual([])
  })

  it('fails when there is no connection to be had', async () => {
    const options = { retryPolicy: { maxRetries: 1, intervalStart: 0.01, intervalMax: 0.01 } }
    const nobody = await redisBackend.open('redis://127.0.0.1:1/0', options, backendContext())
    const errors: Error[] = []
    nobody.watch(
      ['t1'],
      () => undefined,
      (error) => errors.push(error),
    )
    await waitFor(() => errors.length === 1)
    expect(errors[0]).toBeInstanceOf(BackendError)
    expect(errors[0]?.message).toMatch(/Redis at 127.0.0.1:1 cannot be reached/)
    await nobody.close()
  })
})
