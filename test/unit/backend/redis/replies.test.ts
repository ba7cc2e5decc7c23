import { expect, it, onTestFinished } from 'vitest'
import type { BackendContext, ResultBackend } from '../../../../src/backend/backend.ts'
import { storeResult } from '../../../../src/backend/storing.ts'
import { redisBackend } from '../../../../src/backend/redis.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { json } from '../../../../src/serialization/json.ts'
import { pickle } from '../../../../src/serialization/pickle.ts'
import { backendContext } from '../../../support/context.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { describeWithRedis, startRedis, startRedisCluster } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

const ADDRESS = 'celeriac.reply.me'
const CHANNEL = `app_${ADDRESS}`
const FIRST = 'somebody-elses'

function meta(taskId: string, status = 'SUCCESS'): TaskMeta {
  return { status, result: taskId, traceback: null, children: [], date_done: null, task_id: taskId }
}

/** A caller whose clock stands still, so that nothing is late, and a worker, as the backend sees them. */
async function open(url: string, changes: Partial<BackendContext> = {}) {
  const clock = fakeClock()
  const options = { globalKeyprefix: 'app' }
  const caller = await redisBackend.open(url, options, backendContext({ clock, replyTo: 'me', ...changes }))
  const worker = await redisBackend.open(url, options, backendContext(changes))
  onTestFinished(async () => {
    await Promise.all([caller.close(), worker.close()])
  })
  const store = (taskId: string, status?: string): Promise<void> =>
    storeResult(worker, worker.encodeResult(meta(taskId, status)), { reply_to: ADDRESS })
  return { caller, clock, store, call: (...ids: string[]) => caller.replies?.expect(ids) }
}

function watch(backend: ResultBackend, ...ids: readonly string[]) {
  const [told, errors]: [string[], Error[]] = [[], []]
  const { stop } = backend.watch(
    ids,
    ({ task_id, status }) => told.push(`${task_id} ${status}`),
    (error) => errors.push(error),
  )
  return { told, errors, stop }
}

/** The same, of a caller who has waited and called before. */
async function openListening(server: RedisServer, url = server.url, changes: Partial<BackendContext> = {}) {
  const all = await open(url, changes)
  watch(all.caller, FIRST).stop()
  await waitFor(() => all.call(FIRST) === ADDRESS)
  await waitFor(async () => (await channels(server)).join() === CHANNEL)
  return all
}

async function channels(server: RedisServer): Promise<string[]> {
  return (await server.ask('PUBSUB', 'CHANNELS')).split('\n').filter(Boolean).sort()
}

/** How often was the server asked to subscribe, and for documents? */
async function questions(server: RedisServer): Promise<number[]> {
  const stats = await server.ask('INFO', 'commandstats')
  const names = ['subscribe', 'unsubscribe', 'get', 'mget']
  return names.map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0))
}

/** As Python does it. */
async function writeElsewhere(server: RedisServer, taskId: string): Promise<void> {
  const key = `app_celery-task-meta-${taskId}`
  await server.ask('SETEX', key, '60', JSON.stringify(meta(taskId)))
  await server.ask('PUBLISH', key, JSON.stringify(meta(taskId)))
}

for (const { scheme, serializer, start } of [
  { scheme: 'redis', serializer: json, start: startRedis },
  { scheme: 'redis', serializer: pickle, start: startRedis },
  { scheme: 'rediscluster', serializer: json, start: startRedisCluster },
]) {
  describeWithRedis(`replies by ${scheme} as ${serializer.name}`, () => {
    it('bring results without a question, also to who watches later', async () => {
      const server = await start()
      onTestFinished(() => server.stop())
      const url = server.url.replace(/^redis/, scheme)
      const { caller, call, store } = await openListening(server, url, { serializer })
      await store('warm')
      const before = await questions(server)
      for (const id of ['t1', 't2', 't3']) {
        expect(call(id)).toBe(ADDRESS)
        const { told, stop } = watch(caller, id)
        await store(id)
        await waitFor(() => told.length > 0)
        expect(told).toEqual([`${id} SUCCESS`])
        stop()
      }
      call('early')
      call('late')
      const late = watch(caller, 'late')
      await store('early')
      await store('late')
      await waitFor(() => late.told.length > 0)
      const early = watch(caller, 'early')
      expect(early.told).toEqual([])
      await waitFor(() => early.told.length > 0)
      expect(early.told).toEqual(['early SUCCESS'])
      expect(await questions(server)).toEqual(before)
      expect(await channels(server)).toEqual([CHANNEL])
      await caller.close()
      await waitFor(async () => (await channels(server)).length === 0)
      expect(call('after')).toBeUndefined()
    })
  })
}

describeWithRedis('replies', () => {
  async function startServer(): Promise<RedisServer> {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    return server
  }

  it('are asked for by those who lately waited for another result, for one call at a time', async () => {
    const server = await startServer()
    const { caller, clock, call } = await open(server.url)
    expect(call('nobody-waits')).toBeUndefined()
    watch(caller, FIRST).stop()
    // The second call is the first to know that this is usual.
    expect(call('t1')).toBeUndefined()
    await waitFor(() => call('t2') === ADDRESS)
    expect(call('t3', 't4')).toBeUndefined()
    await clock.advance(1001)
    expect(call('t5')).toBeUndefined()
    watch(caller, FIRST).stop()
    expect(call('t6')).toBe(ADDRESS)
  })

  it('are not asked for while many are waited for, and shortly after', async () => {
    const server = await startServer()
    const { caller, clock, call } = await openListening(server)
    const few = watch(caller, ...Array.from({ length: 16 }, (_, index) => `few${String(index)}`))
    expect(call('t1')).toBe(ADDRESS)
    const many = watch(caller, 'one', 'more')
    expect(call('t2')).toBeUndefined()
    few.stop()
    many.stop()
    await clock.advance(1001)
    watch(caller, FIRST).stop()
    expect(call('t3')).toBe(ADDRESS)
  })

  it('are waited for a short time; then watches go on as ever', async () => {
    const server = await startServer()
    const { caller, clock, call } = await openListening(server)
    call('t1')
    const { told, stop } = watch(caller, 't1')
    await writeElsewhere(server, 't1')
    await clock.advance(4)
    expect(await channels(server)).toEqual([CHANNEL])
    expect(told).toEqual([])
    await clock.advance(1)
    await waitFor(() => told.length > 0)
    expect(told).toEqual(['t1 SUCCESS'])
    expect(await channels(server)).toEqual([CHANNEL, 'app_celery-task-meta-t1'])
    stop()
  })

  it('are each waited for in its own time', async () => {
    const server = await startServer()
    const { caller, clock, call } = await openListening(server)
    call('t1')
    watch(caller, 't1')
    await clock.advance(3)
    call('t2')
    watch(caller, 't2')
    await clock.advance(2)
    await waitFor(async () => (await channels(server)).length > 1)
    expect(await channels(server)).toEqual([CHANNEL, 'app_celery-task-meta-t1'])
    await clock.advance(3)
    await waitFor(async () => (await channels(server)).length > 2)
  })

  it('that say a state are not the last word', async () => {
    const server = await startServer()
    const { caller, clock, call, store } = await openListening(server)
    call('t1')
    const { told, stop } = watch(caller, 't1')
    await store('t1', 'STARTED')
    await waitFor(() => told.length > 0)
    expect(told).toEqual(['t1 STARTED'])
    expect(await channels(server)).toEqual([CHANNEL])
    await clock.advance(5)
    await waitFor(async () => (await channels(server)).length > 1)
    await writeElsewhere(server, 't1')
    await waitFor(() => told.includes('t1 SUCCESS'))
    stop()
  })

  it('keep nobody from watching many', async () => {
    const server = await startServer()
    const { caller, call, store } = await openListening(server)
    call('t1')
    const { told, stop } = watch(caller, 't1', 't2')
    await waitFor(async () => (await channels(server)).length > 1)
    await store('t1')
    await waitFor(() => told.includes('t1 SUCCESS'))
    stop()
  })

  it('are not waited for when the connection is lost, and come again over the next one', async () => {
    const server = await startServer()
    const { caller, call, store } = await openListening(server)
    watch(caller, 'long')
    await waitFor(async () => (await channels(server)).length > 1)
    call('t1')
    const { told } = watch(caller, 't1')
    // Written without a word, as if the word had been lost with the connection.
    await server.ask('SET', 'app_celery-task-meta-t1', JSON.stringify(meta('t1')))
    await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await waitFor(() => told.length > 0)
    expect(call('t2')).toBeUndefined()
    await waitFor(() => call('t3') === ADDRESS)
    const next = watch(caller, 't3')
    await store('t3')
    await waitFor(() => next.told.length > 0)
    expect(told).toEqual(['t1 SUCCESS'])
  })

  it('are done without where the user may not listen or publish there', async () => {
    const server = await startServer()
    const rules = ['on', '>secret', '~*', '+@all', 'resetchannels', '&app_celery-task-meta-*']
    await server.ask('ACL', 'SETUSER', 'strict', ...rules)
    const { caller, call, store } = await open(server.url.replace('//', '//strict:secret@'))
    for (const id of ['t1', 't2', 't3']) {
      expect(call(id)).toBeUndefined()
      const { told, errors, stop } = watch(caller, id)
      await waitFor(async () => (await channels(server)).includes(`app_celery-task-meta-${id}`))
      await store(id)
      await waitFor(() => told.length > 0)
      expect(errors).toEqual([])
      stop()
    }
    const refused = await server.ask('ACL', 'LOG')
    expect(refused).toContain(CHANNEL)
  })
})
