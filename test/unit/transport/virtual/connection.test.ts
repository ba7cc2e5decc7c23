import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, OperationalError } from '../../../../src/errors.ts'
import type { Channel } from '../../../../src/transport/transport.ts'
import { VirtualConnection } from '../../../../src/transport/virtual/connection.ts'
import { FakeStore, plainMessage } from '../../../support/fake-store.ts'

let store: FakeStore
let connection: VirtualConnection

beforeEach(() => {
  store = new FakeStore()
  connection = new VirtualConnection(store)
})

const publish = (channel: Channel): Promise<void> =>
  channel.basicPublish([{ exchange: '', routingKey: 'q', message: plainMessage('x') }])

describe('VirtualConnection', () => {
  it('has the features of its store', () => {
    expect(connection.features).toBe(store.features)
  })

  it('closes channels, exclusive queues and the store, in this order, once', async () => {
    const channel = await connection.openChannel()
    await channel.queueDeclare({ name: 'mine', durable: false, exclusive: true, autoDelete: false })
    await publish(channel)
    await channel.basicGet('q', 1)
    store.takeCalls()
    await Promise.all([connection.close(), connection.close()])
    expect(store.calls).toEqual(['releaseMany x redelivered', 'deleteQueue mine', 'close'])
    expect(await connection.closed).toBeUndefined()
    await expect(publish(channel)).rejects.toThrow(ChannelError)
  })

  it('ends when the store is lost', async () => {
    const channel = await connection.openChannel()
    store.lose(new OperationalError('the file is gone'))
    expect(await connection.closed).toEqual(new OperationalError('the file is gone'))
    await expect(publish(channel)).rejects.toThrow(ConnectionError)
    const late = await connection.openChannel()
    await expect(publish(late)).rejects.toThrow(new ConnectionError('The connection was lost: the file is gone'))
    await connection.close()
  })

  it('ends when the store fails while messages are fetched, and gives back what it holds', async () => {
    const channel = await connection.openChannel()
    store.fail('getMany', new OperationalError('disk full'))
    await channel.basicConsume('q', () => undefined)
    expect(await connection.closed).toEqual(new OperationalError('disk full'))
    await connection.close()
    expect(store.calls.at(-1)).toBe('close')
  })

  it('makes an error of what a store throws otherwise', async () => {
    const channel = await connection.openChannel()
    store.fail('getMany', 'odd' as unknown as Error)
    await channel.basicConsume('q', () => undefined)
    expect(await connection.closed).toEqual(new Error('odd'))
  })

  it('goes on when one channel is closed', async () => {
    const [one, other] = [await connection.openChannel(), await connection.openChannel()]
    await one.close()
    await publish(other)
  })

  it('closes the store even when its queues cannot be deleted', async () => {
    const channel = await connection.openChannel()
    await channel.queueDeclare({ name: 'mine', durable: false, exclusive: true, autoDelete: false })
    store.fail('deleteQueue', new OperationalError('locked'))
    await expect(connection.close()).rejects.toThrow('locked')
    expect(store.calls.at(-1)).toBe('close')
    expect(await connection.closed).toBeUndefined()
  })
})
