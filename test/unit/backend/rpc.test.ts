import { describe, expect, it, onTestFinished } from 'vitest'
import type { BackendContext, ResultBackend } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'
import { rpcBackend } from '../../../src/backend/rpc.ts'
import { BackendError, BackendGetMetaError, ConnectionError, ImproperlyConfigured } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import type { Delivery } from '../../../src/transport/transport.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import { backendContext, transportContext } from '../../support/context.ts'
import { CutTransport } from '../../support/cut-transport.ts'
import { plainMessage } from '../../support/fake-store.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly transport: CutTransport
  open(changes?: Partial<BackendContext>): Promise<ResultBackend>
  /** What lies in a queue. */
  take(queue: string): Promise<readonly Delivery[]>
  /** A message to the reply queue. */
  send(body: string, correlationId: string): Promise<void>
}

function fixture(): Fixture {
  const transport = new CutTransport()
  const transports = new TransportRegistry()
  transports.registerTransport('cut', transport.load)
  const connect = (): BrokerConnection =>
    new BrokerConnection({ urls: 'cut://', transports, context: transportContext(), maxRetries: 0 })
  const outside = connect()
  const opened: ResultBackend[] = []
  onTestFinished(async () => {
    await Promise.all(opened.map((backend) => backend.close()))
    await outside.close()
  })
  return {
    transport,
    async open(changes = {}) {
      const backend = await rpcBackend.open('rpc://', {}, backendContext({ connect, ...changes }))
      opened.push(backend)
      return backend
    },
    take: (queue) => outside.withChannel((channel) => channel.basicGet(queue, 100, { noAck: true })),
    send: (body, correlationId) =>
      outside.withChannel((channel) => {
        const message = plainMessage(body, { correlation_id: correlationId })
        return channel.basicPublish([{ exchange: '', routingKey: 'replies', message }])
      }),
  }
}

function meta(taskId: string, status: string = 'SUCCESS', result: unknown = null): TaskMeta {
  return { status, result, traceback: null, children: [], date_done: null, task_id: taskId }
}

const to = { reply_to: 'replies' }
const store = (backend: ResultBackend, document: TaskMeta): Promise<void> =>
  storeResult(backend, backend.encodeResult(document), to)

describe('a worker', () => {
  it('sends the document to who called, under the id of the call', async () => {
    const { open, take } = fixture()
    const backend = await open()
    await storeResult(backend, backend.encodeResult(meta('t1', 'SUCCESS', 3)), { ...to, correlation_id: 'c1' })
    const [delivery] = await take('replies')
    expect(delivery?.message).toEqual({
      body: JSON.stringify(meta('t1', 'SUCCESS', 3)),
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      properties: { correlation_id: 'c1', delivery_mode: 1, priority: 0 },
    })
  })

  it('sends results that last, where that is wanted', async () => {
    const { open, take } = fixture()
    await store(await open({ resultPersistent: true }), meta('t1'))
    expect((await take('replies'))[0]?.message.properties).toMatchObject({ correlation_id: 't1', delivery_mode: 2 })
  })

  it('sends nothing where nobody wants to know', async () => {
    const { open, transport } = fixture()
    const backend = await open()
    await storeResult(backend, backend.encodeResult(meta('t1')))
    await storeResult(backend, backend.encodeResult(meta('t1')), { reply_to: '' })
    await backend.getMetas([])
    await backend.close()
    expect(transport.connections).toEqual([])
  })

  it('says so when it cannot', async () => {
    const { open, transport } = fixture()
    const backend = await open()
    transport.onVerb = () => {
      throw new TypeError('no')
    }
    await expect(store(backend, meta('t1'))).rejects.toMatchObject({ code: 'BACKEND_STORE_ERROR', taskId: 't1' })
    transport.onVerb = () => undefined
  })
})

describe('a caller', () => {
  it('has its queue declared by whoever publishes, with an expiry and none that goes with a consumer', async () => {
    const { queue } = (await fixture().open({ resultExpiresMs: 60_000 })).replies ?? expect.unreachable()
    expect(queue).toMatchObject({ name: 'replies', durable: true, autoDelete: false, exclusive: false, expires: 60 })
  })

  it('keeps all that comes: a look at one result does not cost another', async () => {
    const { open } = fixture()
    const backend = await open()
    backend.replies?.expect(['a', 'b'])
    await Promise.all([store(backend, meta('b')), store(backend, meta('a'))])
    expect(await backend.getMeta('a')).toMatchObject({ task_id: 'a' })
    expect(await backend.getMeta('b')).toMatchObject({ task_id: 'b' })
    expect(await backend.getMeta('a')).toMatchObject({ task_id: 'a' })
  })

  it('is told plainly that a result is not its own', async () => {
    const { open } = fixture()
    const backend = await open()
    await expect(backend.getMeta('x')).rejects.toThrow(BackendGetMetaError)
    await expect(backend.getMeta('x')).rejects.toThrow('was not called by this process')
    const errors: Error[] = []
    backend.watch(
      ['x'],
      () => undefined,
      (error) => errors.push(error),
    )
    expect(errors).toEqual([])
    await waitFor(() => errors.length === 1)
    expect(errors[0]?.message).toContain('was not called by this process')
  })

  it('is told what cannot be read, and reads the rest', async () => {
    const { open, send } = fixture()
    const backend = await open()
    await send('{"no": "document"}', 'bad')
    await store(backend, meta('good'))
    expect((await backend.getMeta('good'))?.status).toBe('SUCCESS')
    await expect(backend.getMeta('bad')).rejects.toThrow('cannot be read')
  })

  it('gets what was sent while its connection was away', async () => {
    const { open, transport } = fixture()
    const backend = await open()
    const worker = await open()
    backend.replies?.expect(['a'])
    const seen: string[] = []
    const watch = backend.watch(
      ['a'],
      ({ status }) => seen.push(status),
      (error) => seen.push(String(error)),
    )
    await backend.getMeta('a')
    await transport.cut()
    await store(worker, meta('a'))
    await waitFor(() => seen.length === 1)
    expect(seen).toEqual(['SUCCESS'])
    watch.stop()
  })

  it('is told when its queue cannot be had any more', async () => {
    const { open, transport } = fixture()
    const backend = await open()
    backend.replies?.expect(['a'])
    const errors: Error[] = []
    backend.watch(
      ['a'],
      () => undefined,
      (error) => errors.push(error),
    )
    await backend.getMeta('a')
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    await transport.cut()
    await waitFor(() => errors.length === 1)
    expect(errors[0]).toBeInstanceOf(BackendError)
    expect(errors[0]?.message).toContain('away')
  })

  it('forgets results after their time', async () => {
    const { open } = fixture()
    const backend = await open({ resultExpiresMs: 50 })
    backend.replies?.expect(['a'])
    await store(backend, meta('a'))
    expect((await backend.getMeta('a'))?.status).toBe('SUCCESS')
    await waitFor(async () => (await backend.getMeta('a')) === undefined)
    expect(await backend.cleanup()).toBe(1)
  })

  it('takes its queue away in the end', async () => {
    const { open, take } = fixture()
    const backend = await open()
    const worker = await open()
    backend.replies?.expect(['a'])
    await store(worker, meta('a'))
    await backend.close()
    expect(await take('replies')).toEqual([])
  })
})

it('saves no groups, and has no options', async () => {
  const { open } = fixture()
  const backend = await open()
  await expect(backend.saveGroup('g', { result: [['g', null], []] })).rejects.toThrow('saves no groups')
  await expect(backend.restoreGroup('g')).rejects.toThrow(BackendError)
  await expect(backend.deleteGroup('g')).rejects.toThrow(BackendError)
  await expect(rpcBackend.open('rpc://', { x: 1 }, backendContext())).rejects.toThrow(ImproperlyConfigured)
})
