import { describe, expect, it } from 'vitest'
import { placeOf, readRedisOptions, splitRedisOptions } from '../../../../src/driver/redis/options.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'

describe('a Redis URL', () => {
  it('has defaults for everything', () => {
    expect(readRedisOptions('redis://', {})).toMatchObject({
      kind: 'single',
      addresses: [{ host: 'localhost', port: 6379 }],
      database: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
      connectTimeoutMs: 10_000,
      socketTimeoutMs: 30_000,
      healthCheckMs: 25_000,
      place: 'localhost:6379',
    })
  })

  it('says more than the options beside it, and both more than defaults', () => {
    const options = { host: 'other', port: 1, db: 1, username: 'u', password: 'p', socket_timeout: 1, clientName: 'me' }
    expect(readRedisOptions('redis://', options)).toMatchObject({
      addresses: [{ host: 'other', port: 1 }],
      database: 1,
      username: 'u',
      password: 'p',
      socketTimeoutMs: 1000,
      clientName: 'me',
    })
    const url = 'redis://me:p%40ss@[::1]:6380/2?socket_timeout=0.5&health_check_interval=0'
    expect(readRedisOptions(url, options)).toMatchObject({
      addresses: [{ host: '::1', port: 6380 }],
      database: 2,
      username: 'me',
      password: 'p@ss',
      socketTimeoutMs: 500,
      healthCheckMs: 0,
      place: '[::1]:6380',
    })
  })

  it('takes null for not given, as settings have it', () => {
    const nothing = { host: null, port: null, db: null, password: null, ssl: null, socketTimeout: null }
    expect(readRedisOptions('redis://h', nothing)).toEqual(readRedisOptions('redis://h', {}))
  })

  it('may name a Unix socket, whose database is in the query', () => {
    const { addresses, database } = readRedisOptions('redis+socket:///run/my%20redis.sock?virtual_host=3', {})
    expect([placeOf(addresses[0]!), database]).toEqual(['/run/my redis.sock', 3])
    expect(readRedisOptions('socket:///run/redis.sock?db=4', {}).database).toBe(4)
  })

  it('may name sentinels, which need the name of the master', () => {
    const url = 'sentinel://:secret@one:1;sentinel://two/3'
    const settings = readRedisOptions(url, {
      master_name: 'mymaster',
      sentinel_kwargs: { password: 'other', ssl: true },
    })
    expect(settings).toMatchObject({
      kind: 'sentinel',
      addresses: [
        { host: 'one', port: 1 },
        { host: 'two', port: 26379 },
      ],
      database: 3,
      password: 'secret',
      masterName: 'mymaster',
      sentinelLogin: { password: 'other', tls: { rejectUnauthorized: true } },
    })
    expect(() => readRedisOptions(url, {})).toThrow(/"masterName"/)
  })

  it('may name a cluster, which has one database', () => {
    const url = 'rediscluster://one:1/5;rediscluster://two:2'
    expect(readRedisOptions(url, {})).toMatchObject({ kind: 'cluster', database: 0, place: 'one:1, two:2' })
  })

  it.each([
    ['amqp://h', {}],
    ['redis://h/first', {}],
    ['redis://h/-1', {}],
    ['redis://h?socket_timeout=soon', {}],
    ['redis://h', { port: 'x' }],
    ['redis://h', { password: 7 }],
    ['redis://h', { sentinelKwargs: 'x' }],
  ])('makes no sense as %s with %j', (url, options) => {
    expect(() => readRedisOptions(url, options)).toThrow(ImproperlyConfigured)
  })
})

describe('splitting options', () => {
  it('gives each its own, in camelCase, and the query wins', () => {
    const options = { visibility_timeout: 1, socketTimeout: 2, client_name: 'me' }
    const { own, connection } = splitRedisOptions('redis://h?visibility_timeout=9', options, ['visibilityTimeout'])
    expect(own).toEqual({ visibilityTimeout: '9' })
    expect(connection).toEqual({ socketTimeout: 2, clientName: 'me' })
  })

  it('knows names of Celery that have no meaning here', () => {
    expect(() => splitRedisOptions('redis://h', { max_connections: 5, retry_on_timeout: true }, [])).not.toThrow()
  })

  it('answers a wrong name with the nearest right one', () => {
    expect(() => splitRedisOptions('redis://h', { socketTimout: 1 }, [])).toThrow(/did you mean "socketTimeout"/)
    expect(() => splitRedisOptions('redis://h?visibilityTimout=1', {}, ['visibilityTimeout'])).toThrow(
      /did you mean "visibilityTimeout"/,
    )
  })
})
