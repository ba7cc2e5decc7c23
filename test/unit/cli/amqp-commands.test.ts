import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AMQP_COMMANDS, runAmqpCommand, usageOf } from '../../../src/cli/amqp-commands.ts'
import type { AmqpReply } from '../../../src/cli/amqp-commands.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import type { Channel, Connection } from '../../../src/transport/transport.ts'
import { transportContext } from '../../support/context.ts'

let connection: Connection
let channel: Channel

beforeEach(async () => {
  connection = await new MemoryTransport().connect('memory://', {}, transportContext())
  channel = await connection.openChannel()
})

afterEach(() => connection.close())

const run = (...words: readonly string[]): Promise<AmqpReply> => runAmqpCommand(channel, words)

describe('the commands', () => {
  it('declare, bind, publish, get and acknowledge', async () => {
    expect(await run('exchange.declare', 'x', 'topic', 'no', 'yes')).toEqual({ value: { ok: true } })
    expect(await run('queue.declare', 'q')).toEqual({
      text: 'queue:q messages:0 consumers:0',
      value: { queue: 'q', messages: 0, consumers: 0 },
    })
    await run('queue.bind', 'q', 'x', 'a.*')
    await run('basic.publish', 'hello', 'x', 'a.b')
    expect(await run('basic.get', 'q')).toEqual({
      value: {
        body: 'hello',
        properties: { content_type: 'text/plain', content_encoding: 'utf-8', application_headers: {} },
        delivery_info: { delivery_tag: 1, redelivered: false, exchange: 'x', routing_key: 'a.b' },
      },
    })
    await run('basic.ack', '1')
    expect(await run('basic.get', 'q')).toMatchObject({ text: expect.stringContaining('No messages'), value: null })
    await channel.close()
    channel = await connection.openChannel()
    expect(await run('queue.declare', 'q', 'yes')).toMatchObject({ value: { messages: 0 } })
  })

  it('show bytes as base64, and take a message for good', async () => {
    const message = { body: new Uint8Array([0, 255]), contentType: 'x', contentEncoding: 'binary' }
    await channel.basicPublish([
      { exchange: '', routingKey: 'q', message: { ...message, headers: {}, properties: { priority: 3 } } },
    ])
    const { value } = await run('basic.get', 'q', 'on')
    expect(value).toMatchObject({ body: 'AP8=', properties: { priority: 3 } })
  })

  it('purge and delete', async () => {
    for (const body of ['1', '2']) await run('basic.publish', body, '', 'q')
    await expect(run('queue.delete', 'q', 'no', 'yes')).rejects.toThrow('not empty')
    await expect(run('queue.delete', 'q', 'yes')).rejects.toThrow('cannot tell')
    expect(await run('queue.purge', 'q')).toEqual({ text: '2 messages deleted.', value: { messages: 2 } })
    expect(await run('queue.delete', 'q')).toMatchObject({ value: { messages: 0 } })
    await run('exchange.declare', 'x', 'direct')
    await run('queue.bind', 'q', 'x', 'k')
    await expect(run('exchange.delete', 'x', 'yes')).rejects.toThrow('in use')
    await run('exchange.delete', 'x')
    await expect(run('basic.publish', '1', 'x', 'k')).rejects.toThrow('"x"')
  })

  it('publish only what is routed, if told to', async () => {
    await run('exchange.declare', 'x', 'direct')
    await run('basic.publish', '1', 'x', 'nowhere')
    await expect(run('basic.publish', '1', 'x', 'nowhere', 'yes')).rejects.toThrow()
  })
})

describe('what makes no sense', () => {
  it.each([
    [['queue.declar', 'q'], 'did you mean "queue.declare"?'],
    [['constructor'], '"help" shows what there is'],
    [['queue.bind', 'q', 'x'], 'Usage: queue.bind QUEUE EXCHANGE ROUTING_KEY'],
    [['queue.purge', 'q', 'r'], 'Usage: queue.purge QUEUE'],
    [['queue.declare', 'q', 'maybe'], 'passive must be yes or no, not "maybe"'],
    [['basic.ack', 'x'], 'delivery_tag must be a number'],
    [['exchange.declare', 'x', 'direkt'], 'did you mean "direct"?'],
    [['exchange.declare', 'x', 'direct', 'yes'], 'leave passive off'],
    [['basic.publish', 'm', '', 'q', 'no', 'yes'], 'immediate'],
  ])('%j', async (words, message) => {
    await expect(run(...words)).rejects.toThrow(message)
  })
})

it('usageOf shows what may be left out', () => {
  const command = AMQP_COMMANDS['basic.get']
  expect(command && usageOf('basic.get', command)).toBe('basic.get QUEUE [NO_ACK]')
})
