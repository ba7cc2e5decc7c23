import { EventEmitter } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AmqpConnection, connectAmqp } from '../../../../src/driver/amqp/connection.ts'
import type { RawConnection } from '../../../../src/driver/amqp/library.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { findFreePort } from '../../../support/ports.ts'

/** A connection of the library. It answers a good-bye unless it is half open. */
class FakeRaw extends EventEmitter {
  destroyed = false
  halfOpen = false
  readonly connection = {
    serverProperties: { product: 'RabbitMQ', version: '3.10.8' },
    stream: {
      destroy: () => {
        this.destroyed = true
      },
    },
  }

  async createChannel(): Promise<never> {
    throw new Error('Connection closed')
  }

  close(): Promise<void> {
    if (this.halfOpen) return new Promise(() => undefined)
    this.emit('close')
    return Promise.resolve()
  }
}

function fixture(): { raw: FakeRaw; connection: AmqpConnection; clock: FakeClock } {
  const raw = new FakeRaw()
  const clock = fakeClock()
  return { raw, clock, connection: new AmqpConnection(raw as unknown as RawConnection, clock) }
}

const options = {
  host: '127.0.0.1',
  username: 'guest',
  password: 'guest',
  virtualHost: '/',
  heartbeat: 0,
  loginMethod: 'PLAIN',
  connectionName: 'test',
} as const

describe('AmqpConnection', () => {
  it('tells why it is over, and so do channels that cannot be opened', async () => {
    const { raw, connection } = fixture()
    raw.emit('error', new Error('Heartbeat timeout'))
    raw.emit('close', new Error('Heartbeat timeout'))
    expect(await connection.closed).toMatchObject({ code: 'CONNECTION_ERROR', message: 'Heartbeat timeout' })
    await expect(connection.openChannel({ confirms: false })).rejects.toThrow('Heartbeat timeout')
    await connection.close()
  })

  it('is over without an error after it was closed', async () => {
    const { connection } = fixture()
    await connection.close()
    await connection.close()
    expect(await connection.closed).toBeUndefined()
  })

  it('waits two seconds for a broker that does not answer to the end', async () => {
    const { raw, connection, clock } = fixture()
    raw.halfOpen = true
    const closing = connection.close()
    await clock.advance(1999)
    expect(raw.destroyed).toBe(false)
    await clock.advance(1)
    await closing
    expect(raw.destroyed).toBe(true)
    expect(await connection.closed).toBeUndefined()
  })

  it('tells while the broker takes nothing', async () => {
    const { raw, connection } = fixture()
    const told: unknown[] = []
    connection.onBlocked((reason) => told.push(reason))
    expect(connection.blocked).toBeUndefined()
    raw.emit('blocked', 'low on memory')
    const { blocked } = connection
    expect(blocked).toBeInstanceOf(Promise)
    raw.emit('unblocked')
    await blocked
    expect(connection.blocked).toBeUndefined()
    expect(told).toEqual(['low on memory', undefined])
  })

  it('lets nobody wait for a broker that is gone', async () => {
    const { raw, connection } = fixture()
    raw.emit('blocked', 'low on disk')
    const { blocked } = connection
    raw.emit('close', new Error('gone'))
    await blocked
  })

  it('knows RabbitMQ by its version', () => {
    const { raw, connection } = fixture()
    expect(connection.version).toBe('3.10.8')
    raw.connection.serverProperties.product = 'LavinMQ'
    expect(connection.version).toBeUndefined()
  })
})

describe('connectAmqp', () => {
  it('rejects with ConnectionError where nobody listens, or somebody who is no broker', async () => {
    const port = await findFreePort()
    await expect(connectAmqp({ ...options, port }, systemClock)).rejects.toThrow(ConnectionError)
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    await expect(connectAmqp({ ...options, port }, systemClock)).rejects.toThrow(ConnectionError)
  })
})
