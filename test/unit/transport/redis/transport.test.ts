import { expect, it } from 'vitest'
import { ConnectionError, ImproperlyConfigured } from '../../../../src/errors.ts'
import { redisTransport } from '../../../../src/transport/redis/transport.ts'
import { transportContext } from '../../../support/context.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'

describeWithRedis('the Redis transport', () => {
  it('connects with the options of the URL, and closes', async () => {
    const server = await startRedis()
    const url = `${server.url}?global_keyprefix=app:&lease=5`
    const connection = await redisTransport.connect(url, { visibility_timeout: 60 }, transportContext())
    expect(connection.features).toEqual({
      delayed: true,
      fanout: true,
      priority: 'lowest-first',
      shared: true,
      events: 'fanout',
      transient: true,
      once: true,
      fetches: true,
    })
    const channel = await connection.openChannel()
    const message = { body: '', contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} }
    await channel.basicPublish([{ exchange: '', routingKey: 'q', message }])
    expect(await server.ask('KEYS', '*')).toBe('app:q')
    await connection.close()
    expect(await connection.closed).toBeUndefined()
    await server.stop()
  })

  it('speaks TLS where the settings say so', async () => {
    const server = await startRedis()
    const context = transportContext({ settings: { useSsl: { ssl_cert_reqs: 'none' } } })
    const connecting = redisTransport.connect(server.url, { socket_connect_timeout: 0.5 }, context)
    // Whether a server without TLS waits for more or ends the connection, depends on the bytes of the greeting.
    await expect(connecting).rejects.toThrow(/cannot be reached.*(TLS|closed)/)
    await server.stop()
  })

  it('says what is wrong', async () => {
    const connecting = (url: string, options = {}): Promise<unknown> =>
      redisTransport.connect(url, options, transportContext())
    await expect(connecting('redis://127.0.0.1:1/0')).rejects.toThrow(ConnectionError)
    await expect(connecting('redis://127.0.0.1:1/0', { leas: 5 })).rejects.toThrow(ImproperlyConfigured)
  })
})
