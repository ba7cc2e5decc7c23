/**
 * Every recorded message is read completely and written again. Written means: by our own functions, from our own
 * records. Equal means: the same fields in the same order with the same values, where nothing else is said.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  decodeControlHead,
  decodeControlReply,
  decodeControlRequest,
  decodeEnvelope,
  decodeEvent,
  decodeException,
  decodeGroupMeta,
  decodeTaskBody,
  decodeTaskHead,
  decodeTaskMeta,
  decodeTaskV1,
  encodeControlHead,
  encodeControlReply,
  encodeControlRequest,
  encodeEnvelope,
  encodeEvent,
  encodeException,
  encodeGroupMeta,
  encodeTask,
  encodeTaskMeta,
  encodeTaskV1,
  eventGroup,
  eventRoutingKey,
  EVENT_EXCHANGE,
  EXCEPTION_STATES,
  exceptionRepr,
  GROUP_KEY_PREFIX,
  groupKey,
  isSignatureData,
  isTaskV2,
  multiEventRoutingKey,
  pidboxExchange,
  replyExchange,
  signatureData,
  taskKey,
} from '../../src/protocol/index.ts'
import type {
  DecodedTask,
  Envelope,
  ExceptionDocument,
  Headers,
  Message,
  Properties,
  TaskCall,
  TaskMeta,
} from '../../src/protocol/index.ts'
import { SerializationRegistry } from '../../src/serialization/registry.ts'
import { parseIso8601 } from '../../src/util/iso8601.ts'

interface Published {
  readonly channel: string
  readonly raw: string
}
interface RedisMessages {
  readonly name: string
  readonly messages: readonly { readonly key: string; readonly raw: string }[]
}
interface AmqpMessage {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly headers: Headers
  readonly body: string | { readonly base64: string }
}
interface AmqpMessages {
  readonly name: string
  readonly messages: readonly AmqpMessage[]
}
interface RedisResults {
  readonly name: string
  readonly keys: readonly { readonly key: string; readonly raw: string }[]
  readonly published: readonly Published[]
}
interface RedisEvents {
  readonly name: string
  readonly published: readonly Published[]
}
interface RedisPidbox {
  readonly name: string
  readonly arguments: unknown
  readonly published: readonly Published[]
  readonly replies: readonly unknown[]
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
}

const redisMessages = read('redis-messages.json') as readonly RedisMessages[]
const amqpMessages = read('amqp-messages.json') as readonly AmqpMessages[]
const redisResults = read('redis-results.json') as readonly RedisResults[]
const redisEvents = read('redis-events.json') as readonly RedisEvents[]
const redisPidbox = read('redis-pidbox.json') as readonly RedisPidbox[]

const SERIALIZERS = ['json', 'yaml', 'msgpack', 'pickle']
/** The name of the vector's own compression; all others use none. */
const COMPRESSIONS = ['gzip', 'bzip2', 'zlib', 'lzma']
/**
 * Python shows here that something is a tuple inside an argument, or a list in the place of the argument tuple. The body
 * does not say so, and neither do we: these texts are passed on.
 */
const TUPLES_IN_TEXT: ReadonlySet<string> = new Set(['map', 'starmap', 'chunks', 'chunks_group', 'send_task'])

const registry = new SerializationRegistry()

beforeAll(async () => {
  await registry.load([...SERIALIZERS, ...COMPRESSIONS])
})

function decodeBody(message: Message): unknown {
  const compression = message.headers['compression']
  const accept = registry.acceptList(SERIALIZERS)
  return registry.decodeBody(message, typeof compression === 'string' ? compression : undefined, accept)
}

function decodeTask(message: Message): DecodedTask {
  const body = decodeBody(message)
  if (!isTaskV2(message.headers)) return decodeTaskV1(body, message.properties, { headers: message.headers })
  return { head: decodeTaskHead(message.headers, message.properties), ...decodeTaskBody(body) }
}

/** The call that a message came from. */
function callOf(name: string, { head, args, kwargs, embed }: DecodedTask, properties: Properties): TaskCall {
  const { eta, expires, retries, origin = '', ignoreResult, replacedTaskNesting, stampedHeaders, stamps } = head
  return {
    ...{ id: head.id, name: head.name, args, kwargs, eta, expires, retries, origin, ignoreResult },
    ...{ replacedTaskNesting, stampedHeaders, stamps, headers: head.custom, shadow: head.shadow },
    rootId: head.rootId,
    parentId: head.parentId,
    groupId: head.group,
    groupIndex: head.groupIndex,
    timeLimit: head.timelimit[0],
    softTimeLimit: head.timelimit[1],
    ...(TUPLES_IN_TEXT.has(name) ? { argsrepr: head.argsrepr, kwargsrepr: head.kwargsrepr } : {}),
    callbacks: embed.callbacks ?? undefined,
    errbacks: embed.errbacks ?? undefined,
    chain: embed.chain ?? undefined,
    chord: embed.chord ?? undefined,
    replyTo: properties.reply_to,
  }
}

/** The message as we send it: what a producer adds is taken from the recorded one. */
function encodeMessage(name: string, call: TaskCall, recorded: Message): Message {
  const { headers, properties, body } = isTaskV2(recorded.headers) ? encodeTask(call) : encodeTaskV1(call)
  const serializer = SERIALIZERS.find((known) => recorded.contentType.includes(known))
  const isPickle = recorded.contentType === 'application/x-python-serialize'
  const encoded = registry.encodeBody(
    body,
    isPickle ? 'pickle' : serializer!,
    COMPRESSIONS.find((known) => known === name),
  )
  if (encoded.compression !== undefined) headers['compression'] = encoded.compression
  const { delivery_mode: mode, priority } = recorded.properties
  return { ...encoded, headers, properties: { ...properties, delivery_mode: mode, priority } }
}

/** The same, whoever sent it: in whose language, and when it will have expired by the sender's clock. */
function neutral(message: Message): unknown {
  const { headers, properties, contentType, contentEncoding } = message
  const lang = 'lang' in headers ? { ...headers, lang: '' } : headers
  const expiration = properties.expiration === undefined ? {} : { expiration: '' }
  return { headers: ordered(lang), properties: { ...properties, ...expiration }, contentType, contentEncoding }
}

/** As text, so that the order of fields counts. */
function ordered(value: unknown): string {
  return JSON.stringify(value)
}

/** All signatures in it, however deep, are whole ones in our eyes. */
function expectSignatures(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if ('subtask_type' in value) expect(isSignatureData(value)).toBe(true)
  Object.values(value).forEach(expectSignatures)
}

function expectRoundTrip(name: string, recorded: Message): void {
  expectSignatures(decodeBody(recorded))
  const decoded = decodeTask(recorded)
  const sent = encodeMessage(name, callOf(name, decoded, recorded.properties), recorded)
  expect(neutral(sent)).toEqual(neutral(recorded))
  expect(decodeBody(sent)).toEqual(decodeBody(recorded))
  if (recorded.contentType === 'application/json' && recorded.headers['compression'] === undefined) {
    expect(ordered(JSON.parse(String(sent.body)))).toBe(ordered(JSON.parse(String(recorded.body))))
  }
}

function amqpMessage({ properties, headers, body }: AmqpMessage): Message {
  const { content_type: contentType, content_encoding: contentEncoding, ...rest } = properties
  const bytes = typeof body === 'string' ? body : Buffer.from(body.base64, 'base64')
  return {
    body: bytes,
    contentType: String(contentType),
    contentEncoding: String(contentEncoding),
    headers,
    properties: rest,
  }
}

describe.each(redisMessages)('the task message $name on Redis', ({ name, messages }) => {
  it('is read and written again', () => {
    expect(messages.length).toBeGreaterThan(0)
    for (const { key, raw } of messages) {
      const envelope = decodeEnvelope(raw)
      expect(key.startsWith(envelope.routingKey)).toBe(true)
      expectRoundTrip(name, envelope.message)
    }
  })

  it('lies in the envelope that kombu writes', () => {
    for (const { raw } of messages) {
      const { message, exchange, routingKey, deliveryTag } = decodeEnvelope(raw)
      const text = encodeEnvelope(message, { exchange, routingKey, deliveryTag })
      expect(JSON.parse(text)).toEqual(JSON.parse(raw))
      expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(JSON.parse(raw)))
    }
  })
})

describe.each(amqpMessages)('the task message $name on RabbitMQ', ({ name, messages }) => {
  it('is read and written again', () => {
    expect(messages.length).toBeGreaterThan(0)
    for (const message of messages) expectRoundTrip(name, amqpMessage(message))
  })
})

describe('the same call', () => {
  const time = (text: string): number => parseIso8601(text)!
  const add = (...args: number[]): ReturnType<typeof signatureData> => signatureData({ task: 'proj.add', args })
  const onError = signatureData({ task: 'proj.on_error' })

  /** Each vector's Python expression, as a call of ours. */
  const calls: Readonly<Record<string, Partial<TaskCall>>> = {
    delay: { args: [2, 2] },
    kwargs: { args: [2, 2], kwargs: { z: 5 } },
    unicode_args: { args: ['héllo', '世界 🥬'] },
    nested_args: { args: [{ a: [1, 2.5, null, true] }, [[], {}]] },
    task_id: { id: 'my-own-id' },
    eta_utc: { eta: '2030-01-01T12:00:00.123456+00:00' },
    eta_offset: { eta: '2030-01-01T12:00:00+02:00' },
    eta_naive: { eta: '2030-01-01T12:00:00' },
    expires_datetime: { expires: time('2030-01-01') },
    time_limits: { timeLimit: 30, softTimeLimit: 20 },
    priority: {},
    queue: {},
    ignore_result: { ignoreResult: true },
    shadow: { shadow: 'nickname' },
    headers: { headers: { tenant: 'acme' } },
    reply_to: { replyTo: 'my-reply-queue' },
    link: { args: [2, 2], callbacks: [add(16)] },
    link_list: { args: [2, 2], callbacks: [add(16), signatureData({ task: 'proj.mul', args: [3] })] },
    link_error: { name: 'proj.fail', args: ['x'], errbacks: [onError] },
    gzip: {},
    bzip2: {},
    zlib: {},
    lzma: {},
    yaml: {},
    msgpack: {},
    pickle: {},
    send_task: { name: 'elsewhere.unknown', args: [1], kwargs: { a: 2 }, argsrepr: '[1]' },
    protocol1_delay: { args: [2, 2] },
    protocol1_eta_link: { args: [2, 2], kwargs: { z: 1 }, eta: time('2030-01-01'), callbacks: [add(16)] },
  }

  it.each(Object.entries(calls))('%s gives the same message', (name, fields) => {
    const vector = redisMessages.find((known) => known.name === name)!
    const { message: recorded } = decodeEnvelope(vector.messages[0]!.raw)
    const { head } = decodeTask(recorded)
    const replyTo = recorded.properties.reply_to
    const origin = head.origin ?? ''
    const call: TaskCall = { id: head.id, name: 'proj.add', args: [1, 1], kwargs: {}, origin, replyTo, ...fields }
    const sent = encodeMessage(name, call, recorded)
    expect(neutral(sent)).toEqual(neutral(recorded))
    expect(decodeBody(sent)).toEqual(decodeBody(recorded))
  })
})

describe.each(redisResults)('the results of $name', ({ keys, published }) => {
  /** Everything but the time again, for ours has milliseconds only. */
  const again = (meta: TaskMeta): unknown => {
    const { date_done: done, stamped_headers: stampedHeaders, name, args, kwargs, worker, retries, queue } = meta
    const copy = encodeTaskMeta(
      {
        taskId: meta.task_id,
        status: meta.status,
        result: meta.result,
        traceback: meta.traceback ?? undefined,
        children: meta.children ?? [],
        groupId: meta.group_id,
        parentId: meta.parent_id,
        ...{ stampedHeaders, name, args, kwargs, worker, retries, queue },
      },
      done === null ? NaN : parseIso8601(done)!,
    )
    expect(copy.date_done?.slice(0, 23)).toBe(done?.slice(0, 23))
    return { ...copy, date_done: done }
  }

  it('are read and written again', () => {
    for (const { channel, raw } of published) {
      const meta = decodeTaskMeta(JSON.parse(raw))
      expect(channel).toBe(taskKey(meta.task_id))
      expect(ordered(again(meta))).toBe(ordered(JSON.parse(raw)))
    }
    for (const { key, raw } of keys) {
      if (!raw.startsWith('{')) continue
      if (key.startsWith(GROUP_KEY_PREFIX)) {
        const { result } = decodeGroupMeta(JSON.parse(raw))
        expect(key).toBe(groupKey(result[0][0]))
        expect(encodeGroupMeta(result)).toEqual(JSON.parse(raw))
      } else {
        expect(ordered(again(decodeTaskMeta(JSON.parse(raw))))).toBe(ordered(JSON.parse(raw)))
      }
    }
  })

  it('give errors, and these the same documents', () => {
    for (const { raw } of published) {
      const { status, result, traceback } = decodeTaskMeta(JSON.parse(raw))
      if (!EXCEPTION_STATES.has(status)) continue
      const error = decodeException(result, traceback ?? undefined)
      const document = result as ExceptionDocument
      const wrapped = document.exc_type === 'UnpickleableExceptionWrapper'
      expect(encodeException(error)).toEqual(
        wrapped ? { exc_type: 'Boom', exc_message: ['boom', 42, { k: 'v' }], exc_module: '__main__' } : document,
      )
    }
  })
})

describe.each(redisEvents)('the events of $name', ({ published }) => {
  const envelopes = published.map(({ raw }): Envelope => decodeEnvelope(raw))

  it('are read and written again', () => {
    expect(envelopes.length).toBeGreaterThan(0)
    for (const { message, exchange, routingKey } of envelopes) {
      const body = decodeBody(message)
      const events = decodeEvent(body)
      expect(exchange).toBe(EVENT_EXCHANGE)
      const { type } = events[0]!
      expect(routingKey).toBe(Array.isArray(body) ? multiEventRoutingKey(eventGroup(type)) : eventRoutingKey(type))
      expect(message.headers).toEqual({ hostname: events[0]!.hostname })
      const written = events.map(({ type: of, hostname, utcoffset, pid, clock, timestamp, ...fields }) =>
        encodeEvent(of, fields, { hostname, utcoffset: utcoffset!, pid: pid!, clock: clock!, timestamp }),
      )
      expect(ordered(written)).toBe(ordered(Array.isArray(body) ? body : [body]))
    }
  })
})

describe('an exception', () => {
  it('is shown in events as its document says', () => {
    const vector = redisResults.find(({ name }) => name === 'failure')!
    const { result } = decodeTaskMeta(JSON.parse(vector.keys[0]!.raw))
    const events = redisEvents
      .find(({ name }) => name === 'failure')!
      .published.flatMap(({ raw }) => decodeEvent(decodeBody(decodeEnvelope(raw).message)))
    const failed = events.find(({ type }) => type === 'task-failed')
    expect(failed?.exception).toBe(exceptionRepr(result as ExceptionDocument))
  })
})

describe.each(redisPidbox)('the command $name', ({ name, arguments: args, published, replies }) => {
  it('is read and written again', () => {
    expect(published).toHaveLength(1)
    for (const { channel, raw } of published) {
      const { message, exchange } = decodeEnvelope(raw)
      expect(exchange).toBe(pidboxExchange())
      expect(channel.endsWith(pidboxExchange())).toBe(true)
      const request = decodeControlRequest(decodeBody(message))
      expect(request).toMatchObject({ method: name, arguments: args, replyTo: { exchange: replyExchange() } })
      expect(ordered(encodeControlRequest(request))).toBe(ordered(decodeBody(message)))
      expect(encodeControlHead(decodeControlHead(message.headers))).toEqual(message.headers)
    }
  })

  it('has replies that are read and written again', () => {
    expect(replies).toHaveLength(1)
    for (const reply of replies) {
      const [[nodename, answer] = ['', undefined]] = decodeControlReply(reply)
      expect(nodename).toBe('celery@recorder')
      expect(encodeControlReply(nodename, answer)).toEqual(reply)
    }
  })
})
