import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { redisBackend } from '../../../../src/backend/redis.ts'
import type { EncodedResult, ResultBackend } from '../../../../src/backend/backend.ts'
import { storeResult } from '../../../../src/backend/storing.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { connectRedis } from '../../../../src/driver/redis.ts'
import { BackendStoreError, OperationalError } from '../../../../src/errors.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { backendContext } from '../../../support/context.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('writing results', () => {
  let server: RedisServer
  let backend: ResultBackend

  beforeAll(async () => {
    server = await startRedis()
    backend = await redisBackend.open(server.url, {}, backendContext({ resultExpiresMs: 86_400_000 }))
  })
  beforeEach(async () => {
    await server.ask('FLUSHALL')
  })
  afterAll(async () => {
    await backend.close()
    await server.stop()
  })

  function store(taskId: string, status: string, result: unknown = null): Promise<void> {
    const meta: TaskMeta = { status, result, traceback: null, children: [], date_done: null, task_id: taskId }
    return storeResult(backend, backend.encodeResult(meta))
  }

  async function callsOf(...commands: readonly string[]): Promise<number[]> {
    const stats = await server.ask('INFO', 'commandstats')
    return commands.map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0))
  }

  it('is one command for all of a turn, and expires as Celery’s does', async () => {
    await store('first', 'SUCCESS')
    const before = await callsOf('evalsha', 'eval')
    await Promise.all(Array.from({ length: 300 }, (_, index) => store(`t${String(index)}`, 'SUCCESS', index)))
    expect(await callsOf('evalsha', 'eval')).toEqual([before[0]! + 1, before[1]])
    expect(await server.ask('GET', 'celery-task-meta-t7')).toBe(
      '{"status":"SUCCESS","result":7,"traceback":null,"children":[],"date_done":null,"task_id":"t7"}',
    )
    expect(Number(await server.ask('TTL', 'celery-task-meta-t7'))).toBeGreaterThan(86_390)
  })

  it('tells the caller who listens on a channel of its own, and nobody else', async () => {
    const told: string[][] = []
    const client = await connectRedis(server.url, {}, 'The test')
    await client.subscribe(['celeriac.reply.me'], (...message) => told.push(message))
    const before = await callsOf('publish')
    const result = (taskId: string, status = 'SUCCESS'): EncodedResult => ({ taskId, status, body: `of ${taskId}` })
    await storeResult(backend, result('t1'), { reply_to: 'me' })
    // Both of one turn are one write: the last.
    const first = storeResult(backend, result('t2', 'STARTED'), { reply_to: 'celeriac.reply.me' })
    await Promise.all([first, storeResult(backend, result('t2'), { reply_to: 'celeriac.reply.me' })])
    await storeResult(backend, result('t3'), {})
    await waitFor(() => told.length > 0)
    expect(told).toEqual([['celeriac.reply.me', 'celery-task-meta-t2\nof t2']])
    expect(await callsOf('publish')).toEqual([before[0]! + 4])
    await client.close()
  })

  it('leaves a SUCCESS of Python as it is, however it is written', async () => {
    await server.ask(
      'SET',
      'celery-task-meta-t1',
      '{"task_id": "t1", "result": {"status": "FAILURE"}, "status":"SUCCESS"}',
    )
    await store('t1', 'FAILURE')
    expect((await backend.getMeta('t1'))?.status).toBe('SUCCESS')
    await server.ask('SET', 'celery-task-meta-t2', '{"status": "FAILURE", "result": {"status": "SUCCESS"}}')
    await store('t2', 'SUCCESS', 'mine')
    expect((await backend.getMeta('t2'))?.result).toBe('mine')
  })

  it('replaces what is no document of ours', async () => {
    await server.ask('SET', 'celery-task-meta-t1', 'rubbish')
    await store('t1', 'SUCCESS', 1)
    expect((await backend.getMeta('t1'))?.result).toBe(1)
  })

  it('keeps the order of one task while others come and go', async () => {
    const states = ['STARTED', 'RETRY', 'STARTED', 'FAILURE']
    for (const status of states) void store('t1', status)
    const writes = states.map(async (status, index) => {
      for (let turn = 0; turn < index; turn += 1) await nextTurn()
      await Promise.all([store('t2', status, index), store(`other${String(index)}`, 'SUCCESS')])
    })
    await Promise.all(writes)
    expect((await backend.getMeta('t1'))?.status).toBe('FAILURE')
    expect((await backend.getMeta('t2'))?.result).toBe(3)
  })

  it('keeps the first success of a task, also of those of one turn', async () => {
    await Promise.all([store('t1', 'SUCCESS', 1), store('t1', 'SUCCESS', 2)])
    await Promise.all([store('t2', 'STARTED'), store('t2', 'SUCCESS', 1), store('t2', 'SUCCESS', 2)])
    const metas = await backend.getMetas(['t1', 't2'])
    expect([metas.get('t1')?.result, metas.get('t2')?.result]).toEqual([1, 1])
  })

  it('fails for the document that the server refuses, not for its neighbours', async () => {
    await server.ask('LPUSH', 'celery-task-meta-list', 'x')
    const [bad, good] = await Promise.allSettled([store('list', 'SUCCESS'), store('good', 'SUCCESS')])
    expect(good.status).toBe('fulfilled')
    const error: unknown = bad.status === 'rejected' ? bad.reason : undefined
    expect(error).toBeInstanceOf(BackendStoreError)
    expect(error).toMatchObject({ taskId: 'list', state: 'SUCCESS', cause: expect.any(OperationalError) as unknown })
    expect(String(error)).toMatch(/WRONGTYPE/)
  })

  it('says that the server has no room, and writes again when it has', async () => {
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    await expect(store('t1', 'SUCCESS')).rejects.toThrow(/out of memory|OOM/)
    await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    await store('t1', 'SUCCESS')
    expect((await backend.getMeta('t1'))?.status).toBe('SUCCESS')
  })

  it('divides what is large', async () => {
    const text = 'x'.repeat(1024 * 1024)
    const before = await callsOf('evalsha')
    await Promise.all(Array.from({ length: 10 }, (_, index) => store(`large${String(index)}`, 'SUCCESS', text)))
    expect((await callsOf('evalsha'))[0]! - before[0]!).toBe(4)
    expect((await backend.getMetas(['large0', 'large9'])).size).toBe(2)
  })
})
