import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { createExchange, declareExchange } from '../../../src/messaging/exchange.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import { transportContext } from '../../support/context.ts'

describe('createExchange', () => {
  it('is durable and direct by default', () => {
    expect(createExchange('tasks')).toEqual({
      name: 'tasks',
      type: 'direct',
      durable: true,
      autoDelete: false,
      arguments: undefined,
      deliveryMode: undefined,
      noDeclare: false,
    })
  })

  it('takes what is given', () => {
    const options = {
      name: 'x',
      type: 'topic',
      durable: false,
      autoDelete: true,
      deliveryMode: 1,
      arguments: { a: 1 },
      noDeclare: true,
    } as const
    expect(createExchange(options)).toEqual(options)
  })

  it('refuses unknown types and options', () => {
    expect(() => createExchange({ name: 'x', type: 'tpoic' as 'topic' })).toThrow(ImproperlyConfigured)
    expect(() => createExchange({ name: 'x', typ: 'topic' } as never)).toThrow(/did you mean "type"/)
  })
})

describe('declareExchange', () => {
  it('declares what is to be declared', async () => {
    const connection = await new MemoryTransport().connect('memory://', {}, transportContext())
    const channel = await connection.openChannel()
    await declareExchange(channel, createExchange(''))
    await declareExchange(channel, createExchange({ name: 'theirs', noDeclare: true }))
    await declareExchange(channel, createExchange({ name: 'ours', type: 'topic' }))
    const bind = (exchange: string): Promise<void> => channel.queueBind({ exchange, queue: 'q', routingKey: '' })
    await bind('ours')
    await expect(bind('theirs')).rejects.toThrow(/"theirs"/)
  })
})
