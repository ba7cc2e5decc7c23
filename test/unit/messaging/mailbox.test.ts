import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OperationalError } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { Mailbox } from '../../../src/messaging/mailbox.ts'
import type { MailboxNode, MailboxOptions, NodeOptions } from '../../../src/messaging/mailbox.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { json } from '../../../src/serialization/json.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import type { Channel, Delivery } from '../../../src/transport/transport.ts'
import { systemClock } from '../../../src/util/clock.ts'
import type { LogRecord } from '../../../src/util/logger.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { transportContext } from '../../support/context.ts'
import { waitFor } from '../../support/wait-for.ts'

let records: LogRecord[]
let transports: TransportRegistry
let connections: BrokerConnection[]
let nodes: MailboxNode[]

beforeEach(() => {
  records = []
  transports = new TransportRegistry()
  const transport = new MemoryTransport()
  transports.registerTransport('memory', async () => transport)
  connections = []
  nodes = []
})

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await Promise.all(connections.map((connection) => connection.close()))
})

function connect(): BrokerConnection {
  const connection = new BrokerConnection({ urls: 'memory://', transports, context: transportContext() })
  connections.push(connection)
  return connection
}

/** A logical clock that starts at `time`. */
function logicalClock(time = 0): MailboxOptions['logicalClock'] & { readonly time: number } {
  return {
    forward: () => (time += 1),
    adjust: (other) => (time = Math.max(time, other) + 1),
    get time() {
      return time
    },
  }
}

function mailbox(options: Partial<MailboxOptions> = {}): Mailbox {
  return new Mailbox({
    connection: connect(),
    logger: createLogger({ write: (record) => records.push(record) }),
    clock: systemClock,
    logicalClock: logicalClock(),
    encode: (value) => ({
      body: json.encode(value),
      contentType: json.contentType,
      contentEncoding: json.contentEncoding,
    }),
    decode: (message: Message) => json.decode(message.body),
    ...options,
  })
}

/** A node that answers what it was asked. */
async function serve(nodename: string, handle?: NodeOptions['handle'], options: Partial<MailboxOptions> = {}) {
  const box = mailbox(options)
  const asked: string[] = []
  const node = await box.serve(await connect().ensure(), {
    nodename,
    handle: (method, args) => {
      asked.push(method)
      return handle === undefined ? { ok: args } : handle(method, args)
    },
  })
  nodes.push(node)
  return { asked, node }
}

describe('asking', () => {
  it('gathers a reply of each node', async () => {
    await serve('a@h')
    await serve('b@h')
    const replies = await mailbox().ask({ method: 'ping', arguments: { x: 1 }, limit: 2, timeoutMs: 5000 })
    expect(replies.toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))).toEqual([
      { 'a@h': { ok: { x: 1 } } },
      { 'b@h': { ok: { x: 1 } } },
    ])
  })

  it('takes its time to the end where it does not know how many answer', async () => {
    await serve('a@h')
    const startMs = performance.now()
    expect(await mailbox().ask({ method: 'ping', pattern: 'a@*', timeoutMs: 60 })).toHaveLength(1)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(59)
  })

  it('waits for as many as the broker has reached', async () => {
    const startMs = performance.now()
    expect(await mailbox().ask({ method: 'ping', timeoutMs: 5000 })).toEqual([])
    await serve('a@h')
    await serve('b@h')
    expect(await mailbox().ask({ method: 'ping', timeoutMs: 5000 })).toHaveLength(2)
    expect(performance.now() - startMs).toBeLessThan(4000)
  })

  it('reaches the nodes that are meant, and waits for no more', async () => {
    const [a, b] = [await serve('a@h'), await serve('b@h')]
    const startMs = performance.now()
    expect(await mailbox().ask({ method: 'ping', destination: ['b@h'], timeoutMs: 5000 })).toEqual([
      { 'b@h': { ok: {} } },
    ])
    expect(performance.now() - startMs).toBeLessThan(4000)
    expect(await mailbox().ask({ method: 'ping', pattern: 'a@*', timeoutMs: 5000, limit: 1 })).toHaveLength(1)
    const matching = { method: 'ping', pattern: '[ab]@h', matcher: 'pcre', timeoutMs: 5000, limit: 2 } as const
    expect(await mailbox().ask(matching)).toHaveLength(2)
    expect([a.asked.length, b.asked.length]).toEqual([2, 2])
  })

  it('tells of replies as they come, and gives up when it is told to', async () => {
    await serve('a@h')
    const controller = new AbortController()
    const asking = mailbox().ask({
      method: 'ping',
      timeoutMs: 10_000,
      signal: controller.signal,
      onReply: () => {
        controller.abort(new Error('enough'))
      },
    })
    await expect(asking).rejects.toThrow('enough')
  })

  it('answers several askers at once, each what it asked', async () => {
    await serve('a@h', (method) => method)
    const box = mailbox()
    const methods = Array.from({ length: 20 }, (_, index) => `method${String(index)}`)
    const replies = await Promise.all(methods.map((method) => box.ask({ method, limit: 1, timeoutMs: 5000 })))
    expect(replies).toEqual(methods.map((method) => [{ 'a@h': method }]))
  })

  it('leaves nothing behind', async () => {
    await serve('a@h')
    const box = mailbox()
    await box.ask({ method: 'ping', limit: 1, timeoutMs: 5000 })
    const channel = await (await connect().ensure()).openChannel()
    const bindings = await channel.listBindings?.()
    expect(bindings?.map(({ exchange, queue }) => [exchange, queue])).toEqual([['celery.pidbox', 'a@h.celery.pidbox']])
  })

  it('rejects where there is no broker', async () => {
    const connection = new BrokerConnection({
      urls: 'nowhere://',
      transports,
      context: transportContext(),
      maxRetries: 0,
    })
    transports.registerTransport('nowhere', async () => ({
      name: 'nowhere',
      connect: () => Promise.reject(new OperationalError('refused')),
    }))
    await expect(mailbox({ connection }).ask({ method: 'ping' })).rejects.toThrow(OperationalError)
  })
})

describe('a node', () => {
  it('takes commands that want no reply', async () => {
    const { asked } = await serve('a@h')
    await mailbox().broadcast({ method: 'shutdown' })
    await waitFor(() => asked.length === 1)
    expect(records).toEqual([])
  })

  it('waits for an answer, sends none for undefined, and null as it is', async () => {
    await serve('late@h', async () => {
      await nextTurn()
      return 'late'
    })
    await serve('silent@h', () => undefined)
    await serve('null@h', () => null)
    const replies = await mailbox().ask({ method: 'x', limit: 2, timeoutMs: 5000 })
    expect(Object.assign({}, ...replies)).toEqual({ 'late@h': 'late', 'null@h': null })
  })

  it('answers with the error where a command fails', async () => {
    await serve('a@h', () => {
      throw new TypeError('no such task')
    })
    const replies = await mailbox().ask({ method: 'x', limit: 1, timeoutMs: 5000 })
    expect(replies).toEqual([{ 'a@h': { error: 'TypeError: no such task' } }])
    expect(records.map(({ level }) => level)).toEqual(['ERROR'])
  })

  it('goes on after what is no command', async () => {
    const { asked } = await serve('a@h')
    const channel = await (await connect().ensure()).openChannel()
    const bad = ['not json', '{}', '{"method": 5}', '{"method": "x", "reply_to": "nowhere"}']
    await channel.basicPublish(bad.map((body) => to('celery.pidbox', body)))
    await mailbox().broadcast({ method: 'fine' })
    await waitFor(() => asked.length === 1)
    expect([asked, records.length]).toEqual([['fine'], bad.length])
  })

  it('survives an address that does not exist', async () => {
    const { asked } = await serve('a@h')
    const channel = await (await connect().ensure()).openChannel()
    const replyTo = { exchange: 'nowhere', routing_key: 'k' }
    await channel.basicPublish([to('celery.pidbox', JSON.stringify({ method: 'one', reply_to: replyTo }))])
    await waitFor(() => records.length === 1)
    await mailbox().broadcast({ method: 'two' })
    await waitFor(() => asked.length === 2)
  })

  it('takes no more when it was stopped, and has answered before', async () => {
    let finish: (answer: string) => void = () => undefined
    const { node } = await serve('a@h', () => new Promise<string>((resolve) => (finish = resolve)))
    const asking = mailbox().ask({ method: 'x', limit: 1, timeoutMs: 5000 })
    await nextTurn()
    await waitFor(() => finish.length === 1)
    const stopping = node.stop()
    finish('last words')
    await Promise.all([stopping, node.stop()])
    expect(await asking).toEqual([{ 'a@h': 'last words' }])
    expect(await mailbox().ask({ method: 'x', timeoutMs: 30 })).toEqual([])
  })

  it('warns where the name is taken', async () => {
    const connection = await connect().ensure()
    const box = mailbox()
    for (let count = 0; count < 2; count += 1) {
      nodes.push(await box.serve(connection, { nodename: 'a@h', handle: () => undefined }))
    }
    expect(records.map(({ level, message }) => [level, message.slice(0, 46)])).toEqual([
      ['WARNING', 'A node named a@h is already using this process'],
    ])
  })
})

describe('on the wire', () => {
  /** What was published to the fanout exchange. */
  async function spy(): Promise<{ channel: Channel; next: () => Promise<Delivery> }> {
    const channel = await (await connect().ensure()).openChannel()
    await channel.exchangeDeclare({ name: 'celery.pidbox', type: 'fanout', durable: false, autoDelete: false })
    await channel.queueDeclare({ name: 'spy', durable: false, exclusive: false, autoDelete: false })
    await channel.queueBind({ exchange: 'celery.pidbox', queue: 'spy', routingKey: '' })
    return { channel, next: () => waitFor(async () => (await channel.basicGet('spy', 1))[0]) }
  }

  it('a request looks as kombu writes it', async () => {
    const { next } = await spy()
    const nowS = Date.now() / 1000
    await mailbox({ logicalClock: logicalClock(41) }).ask({ method: 'ping', timeoutMs: 20 })
    const { message } = await next()
    expect(message.properties).toEqual({ delivery_mode: 2, priority: 0 })
    expect(message.headers).toEqual({ clock: 42, expires: expect.any(Number) })
    expect(Number(message.headers['expires'])).toBeGreaterThanOrEqual(nowS + 0.02)
    expect(Number(message.headers['expires'])).toBeLessThan(nowS + 10)
    const body = JSON.parse(String(message.body))
    expect(Object.keys(body)).toEqual([
      ...['method', 'arguments', 'destination', 'pattern', 'matcher', 'ticket', 'reply_to'],
    ])
    expect(body).toMatchObject({ method: 'ping', arguments: {}, destination: null, pattern: null, matcher: null })
    expect(body.reply_to).toEqual({
      exchange: 'reply.celery.pidbox',
      routing_key: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    await mailbox().broadcast({ method: 'shutdown' })
    const { message: silent } = await next()
    expect([silent.headers, JSON.parse(String(silent.body)).reply_to]).toEqual([{ clock: 1, expires: 0 }, undefined])
  })

  it('logical clocks follow each other', async () => {
    const [node, client] = [logicalClock(100), logicalClock(7)]
    await serve('a@h', undefined, { logicalClock: node })
    await mailbox({ logicalClock: client }).ask({ method: 'ping', limit: 1, timeoutMs: 5000 })
    expect(node.time).toBe(102)
    expect(client.time).toBe(103)
  })

  it('replies to others and replies that come too late are left out', async () => {
    const { channel, next } = await spy()
    const asking = mailbox().ask({ method: 'ping', limit: 1, timeoutMs: 5000 })
    const { ticket, reply_to: replyTo } = JSON.parse(String((await next()).message.body))
    const reply = (name: string, headers: Record<string, unknown>) => {
      const publication = to(replyTo.exchange, JSON.stringify({ [name]: 1 }), replyTo.routing_key)
      return { ...publication, message: { ...publication.message, headers } }
    }
    await channel.basicPublish([
      reply('other', { ticket: 'other', clock: 1 }),
      reply('late', { ticket, clock: 1, expires: Date.now() / 1000 - 5 }),
      { ...reply('', { ticket, clock: 1 }), message: { ...to('', 'garbage').message, headers: { ticket } } },
      reply('right', { ticket, clock: 1 }),
    ])
    expect(await asking).toEqual([{ right: 1 }])
  })

  it('another namespace is another world', async () => {
    await serve('a@h', undefined, { namespace: 'mine' })
    expect(await mailbox().ask({ method: 'ping', timeoutMs: 20 })).toEqual([])
    expect(await mailbox({ namespace: 'mine' }).ask({ method: 'ping', limit: 1, timeoutMs: 5000 })).toHaveLength(1)
  })
})

function to(exchange: string, body: string, routingKey = '') {
  const message: Message = {
    body,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: {},
    properties: {},
  }
  return { exchange, routingKey, message }
}
