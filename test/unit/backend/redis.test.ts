import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BackendOptions, ResultBackend } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'
import { redisBackend } from '../../../src/backend/redis.ts'
import { BackendError, BackendGetMetaError, BackendStoreError, ImproperlyConfigured } from '../../../src/errors.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { backendContext } from '../../support/context.ts'
import { APPEND_ONLY, describeWithRedis, startRedis } from '../../support/redis.ts'
import type { RedisServer } from '../../support/redis.ts'
import { waitFor } from '../../support/wait-for.ts'

function meta(taskId: string, result: unknown = null): TaskMeta {
  return { status: 'SUCCESS', result, traceback: null, children: [], date_done: null, task_id: taskId }
}

describe('the Redis backend', () => {
  it('refuses wrong URLs and options at once, and connects to nobody before it is used', async () => {
    const open = (url: string, options: BackendOptions = {}) => redisBackend.open(url, options, backendContext())
    await expect(open('redis://h/first')).rejects.toThrow(ImproperlyConfigured)
    await expect(open('redis://h', { retryPolicyy: {} })).rejects.toThrow(/did you mean "retryPolicy"/)
    await expect(open('sentinel://h')).rejects.toThrow(/masterName/)
    const backend = await open('redis://user:secret@127.0.0.1:1/0')
    expect(backend.displayUrl).toBe('redis://user:**@127.0.0.1:1/0')
    expect(backend.encodeResult(meta('t1')).body).toContain('SUCCESS')
    await backend.close()
  })

  it('takes from the settings what its URL does not say', async () => {
    const redis = { host: '127.0.0.1', port: 1, socketConnectTimeout: 1 }
    const options = { retryPolicy: { maxRetries: 0 } }
    const backend = await redisBackend.open('redis://', options, backendContext({ redis }))
    await expect(backend.getMeta('t1')).rejects.toThrow(/127\.0\.0\.1:1 cannot be reached/)
    await backend.close()
  })

  it('fails in bounded time where nobody answers, and says who', async () => {
    const options = { retryPolicy: { maxRetries: 2, intervalStart: 0.01, intervalMax: 0.01 } }
    const backend = await redisBackend.open('redis://127.0.0.1:1/0', options, backendContext())
    const failures = await Promise.all([
      storeResult(backend, backend.encodeResult(meta('t1'))).catch(asIs),
      backend.getMeta('t1').catch(asIs),
      backend.forget(['t1']).catch(asIs),
      backend.restoreGroup('g1').catch(asIs),
    ])
    const kinds = [BackendStoreError, BackendGetMetaError, BackendError, BackendError]
    for (const [index, kind] of kinds.entries()) {
      expect(failures[index]).toBeInstanceOf(kind)
      expect(String(failures[index])).toMatch(/Redis at 127.0.0.1:1 cannot be reached/)
    }
    await backend.close()
    await expect(backend.getMeta('t1')).rejects.toThrow(/is closed/)
  })
})

describeWithRedis('the Redis backend, when things break,', () => {
  let server: RedisServer
  const backends: ResultBackend[] = []

  beforeAll(async () => {
    server = await startRedis({ args: APPEND_ONLY })
  })
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.close()))
    await server.stop()
  })

  async function open(options: BackendOptions = {}): Promise<ResultBackend> {
    const retryPolicy = { maxRetries: 200, intervalStart: 0, intervalStep: 0.01, intervalMax: 0.05 }
    const backend = await redisBackend.open(server.url, { retryPolicy, ...options }, backendContext())
    backends.push(backend)
    return backend
  }

  /** 200 results are written one after the other and waited for; `fault` comes in the middle. */
  async function writeThrough(name: string, fault: () => Promise<void>): Promise<void> {
    const [writer, reader] = [await open(), await open()]
    const ids = Array.from({ length: 200 }, (_, index) => `${name}${String(index)}`)
    const told = new Map<string, unknown>()
    const errors: Error[] = []
    const watch = reader.watch(
      ids,
      ({ task_id, result }) => told.set(task_id, result),
      (error) => errors.push(error),
    )
    const writing = Promise.all(
      Array.from({ length: 10 }, async (_, lane) => {
        for (let index = lane; index < ids.length; index += 10) {
          await storeResult(writer, writer.encodeResult(meta(ids[index] ?? '', index)))
        }
      }),
    )
    await waitFor(() => told.size > 20)
    await fault()
    await writing
    await waitFor(() => told.size === ids.length, { what: 'all results to be told' })
    expect(ids.map((id) => told.get(id))).toEqual(ids.map((_, index) => index))
    expect((await reader.getMetas(ids)).size).toBe(ids.length)
    expect(errors).toEqual([])
    watch.stop()
    await waitFor(async () => (await server.ask('PUBSUB', 'CHANNELS')) === '')
  }

  it('goes on when the server was killed and started again', async () => {
    await writeThrough('killed', async () => {
      await server.kill()
      await server.start()
    })
  })

  it('goes on when all connections were cut', async () => {
    await writeThrough('cut', async () => {
      for (const type of ['normal', 'pubsub']) await server.ask('CLIENT', 'KILL', 'TYPE', type)
    })
  })

  it('goes on when the server stood still, for a while or for too long', async () => {
    await writeThrough('still', async () => {
      server.pause()
      await new Promise((resolve) => setTimeout(resolve, 200))
      server.resume()
    })
    const impatient = await open({ socketTimeout: 0.5, socketConnectTimeout: 2, retryPolicy: { maxRetries: 0 } })
    await impatient.getMeta('t1')
    server.pause()
    const failing = storeResult(impatient, impatient.encodeResult(meta('late'))).catch(asIs)
    expect(await failing).toBeInstanceOf(BackendStoreError)
    expect(String(await failing)).toMatch(/did not answer within 0.5 seconds/)
    server.resume()
    await storeResult(impatient, impatient.encodeResult(meta('late')))
  })
})

function asIs(error: unknown): unknown {
  return error
}
