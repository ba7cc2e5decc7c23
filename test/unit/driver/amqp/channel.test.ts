import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { AmqpChannel } from '../../../../src/driver/amqp/channel.ts'
import type { AmqpPublication } from '../../../../src/driver/amqp/channel.ts'
import type { OnConfirm, RawChannel } from '../../../../src/driver/amqp/library.ts'
import { ChannelError, ConnectionError, EncodeError } from '../../../../src/errors.ts'

/** A channel of the library whose broker answers when it is told to. */
class FakeRaw extends EventEmitter {
  readonly confirms: OnConfirm[] = []
  declare: () => Promise<unknown> = async () => ({ messageCount: 3, consumerCount: 1 })

  checkQueue(): Promise<unknown> {
    return this.declare()
  }

  publish(_exchange: string, routingKey: string, _content: Buffer, _options: object, onConfirm: OnConfirm): boolean {
    if (routingKey === 'too long') throw new TypeError('too long')
    this.confirms.push(onConfirm)
    return true
  }

  async close(): Promise<void> {
    this.emit('close')
  }
}

function fixture(connectionFailure: () => Error | undefined = () => undefined): { raw: FakeRaw; channel: AmqpChannel } {
  const raw = new FakeRaw()
  return { raw, channel: new AmqpChannel(raw as unknown as RawChannel, connectionFailure) }
}

function to(routingKey: string, mandatory = false): AmqpPublication {
  return { exchange: '', routingKey, content: Buffer.from(''), options: { mandatory } }
}

describe('AmqpChannel', () => {
  it('tells the error that closed it to who asked, and to all who ask later', async () => {
    const { raw, channel } = fixture()
    raw.declare = async () => {
      raw.emit('error', new Error('404 (NOT-FOUND) with message "NOT_FOUND - no queue"'))
      raw.emit('close')
      throw new Error('no reply will be forthcoming')
    }
    await expect(channel.queueCheck('q')).rejects.toThrow('RabbitMQ: no queue; declare it first')
    expect(channel.isOpen).toBe(false)
    expect(await channel.closed).toBeInstanceOf(ChannelError)
    await expect(channel.queueCheck('q')).rejects.toThrow('RabbitMQ: no queue')
    expect(() => {
      channel.basicAck(1, false)
    }).toThrow('RabbitMQ: no queue')
    await expect(channel.basicPublish([to('q')])).rejects.toThrow('RabbitMQ: no queue')
  })

  it('is over without an error after it was closed', async () => {
    const { channel } = fixture()
    await channel.close()
    await channel.close()
    expect(await channel.closed).toBeUndefined()
    await expect(channel.queueCheck('q')).rejects.toThrow('The channel is closed')
  })

  it('resolves a batch when all of it is confirmed, with what was returned', async () => {
    const { raw, channel } = fixture()
    const publishing = channel.basicPublish([to('a'), to('b', true), to('c', true)])
    raw.emit('return', { fields: { exchange: '', routingKey: 'c' } })
    raw.emit('return', { fields: { exchange: 'elsewhere', routingKey: 'b' } })
    for (const confirm of raw.confirms) confirm(null)
    expect((await publishing).map(({ routingKey }) => routingKey)).toEqual(['c'])
  })

  it('tells batches apart that are under way together', async () => {
    const { raw, channel } = fixture()
    const first = channel.basicPublish([to('a')])
    const second = channel.basicPublish([to('a', true)])
    raw.emit('return', { fields: { exchange: '', routingKey: 'a' } })
    for (const confirm of raw.confirms) confirm(null)
    expect([(await first).length, (await second).length]).toEqual([0, 1])
  })

  it('rejects a batch of which one was refused', async () => {
    const { raw, channel } = fixture()
    const publishing = channel.basicPublish([to('a'), to('b')])
    raw.confirms[0]?.(new Error('message nacked'))
    raw.confirms[1]?.(null)
    await expect(publishing).rejects.toThrow('RabbitMQ refused a message')
    expect(channel.isOpen).toBe(true)
  })

  it('rejects a batch with the reason of the end, though the library tells of it last', async () => {
    const failures: Error[] = []
    const { raw, channel } = fixture(() => failures[0])
    const publishing = channel.basicPublish([to('a')])
    raw.confirms[0]?.(new Error('channel closed'))
    raw.emit('close')
    const failure = new ConnectionError('gone')
    failures.push(failure)
    await expect(publishing).rejects.toBe(failure)
    expect(await channel.closed).toBe(failure)
  })

  it('rejects what cannot be written with EncodeError, and stays open', async () => {
    const { channel } = fixture()
    await expect(channel.basicPublish([to('a'), to('too long')])).rejects.toThrow(EncodeError)
    expect(channel.isOpen).toBe(true)
  })
})
