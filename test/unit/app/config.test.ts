import { describe, expect, expectTypeOf, it } from 'vitest'
import { readObject, readOverrides } from '../../../src/app/config-source.ts'
import { Config } from '../../../src/app/config.ts'
import type { SettingsInput } from '../../../src/app/settings.ts'
import { SETTING_NAMES } from '../../../src/app/settings.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'

function configOf(explicit: SettingsInput = {}, env: NodeJS.ProcessEnv = {}): Config {
  return new Config({ explicit, env })
}

describe('layers', () => {
  it('win in their order', () => {
    const env = { CELERY_BROKER_URL: 'redis://env' }
    const config = new Config({ env: {} })
    expect(config.brokerUrl).toBe('sqlite:///celeriac.db')
    config.setSource(readObject({ broker_url: 'redis://source', taskAcksLate: true }))
    expect(config.brokerUrl).toBe('redis://source')
    const withEnv = new Config({ env })
    withEnv.setSource(readObject({ brokerUrl: 'redis://source' }))
    expect(withEnv.brokerUrl).toBe('redis://env')
    const explicit = configOf({ broker: 'redis://explicit' }, env)
    expect(explicit.brokerUrl).toBe('redis://explicit')
    explicit.update({ brokerUrl: 'redis://change' })
    explicit.setSource(readObject({ brokerUrl: 'redis://source' }))
    expect(explicit.brokerUrl).toBe('redis://change')
  })

  it('are replaced as a whole by another source', () => {
    const config = configOf()
    config.setSource(readObject({ taskAcksLate: true, timezone: 'Asia/Tokyo' }))
    config.setSource(readObject({ taskAcksLate: true }))
    expect([config.taskAcksLate, config.timezone]).toEqual([true, 'UTC'])
  })

  it('take changes from the command line', () => {
    const config = configOf({ workerConcurrency: 2 })
    config.update(readOverrides(['.concurrency=8'], 'worker'))
    expect(config.workerConcurrency).toBe(8)
    expect(config.changes).toEqual({ workerConcurrency: 8 })
  })

  it('read the environment of the process', () => {
    const before = process.env['CELERY_RESULT_BACKEND']
    process.env['CELERY_RESULT_BACKEND'] = 'rpc://'
    try {
      expect(new Config().resultBackend).toBe('rpc://')
    } finally {
      if (before === undefined) delete process.env['CELERY_RESULT_BACKEND']
      else process.env['CELERY_RESULT_BACKEND'] = before
    }
  })
})

describe('values', () => {
  it('follow other settings where they are not given', () => {
    const config = configOf({
      taskDefaultQueue: 'mine',
      brokerUrl: 'redis://a',
      acceptContent: ['yaml'],
      taskAcksOnFailureOrTimeout: false,
    })
    expect(config.values).toMatchObject({
      taskDefaultExchange: 'mine',
      taskDefaultRoutingKey: 'mine',
      brokerReadUrl: 'redis://a',
      brokerWriteUrl: 'redis://a',
      resultAcceptContent: ['yaml'],
      taskAcksOnFailure: false,
      taskAcksOnTimeout: false,
      brokerConnectionRetryOnStartup: true,
    })
    config.update({ taskDefaultExchange: 'other', brokerReadUrl: null })
    expect([config.taskDefaultExchange, config.brokerReadUrl]).toEqual(['other', 'redis://a'])
  })

  it('keep results in the file of the default broker, and nowhere else by themselves', () => {
    expect(configOf().resultBackend).toBe('sqlite:///celeriac.db')
    expect(configOf({ broker: 'sqlite:///celeriac.db' }).resultBackend).toBe('sqlite:///celeriac.db')
    expect(configOf({ broker: 'sqlite:///other.db' }).resultBackend).toBeNull()
    expect(configOf({ broker: 'redis://' }).resultBackend).toBeNull()
    expect(configOf({ brokerHost: 'host' }).resultBackend).toBeNull()
    expect(configOf({}, { CELERY_BROKER_URL: 'redis://' }).resultBackend).toBeNull()
    expect(configOf({ backend: null }).resultBackend).toBeNull()
    expect(configOf({ backend: 'redis://' }).resultBackend).toBe('redis://')
  })

  it('make a URL of a broker in parts', () => {
    expect(configOf({ brokerHost: 'rabbit' }).brokerUrl).toBe('amqp://rabbit/')
    expect(
      configOf({
        brokerTransport: 'redis',
        brokerHost: 'h',
        brokerPort: 6380,
        brokerUser: 'me',
        brokerPassword: 'a/b@c',
        brokerVhost: '1',
      }).brokerUrl,
    ).toBe('redis://me:a%2Fb%40c@h:6380/1')
    expect(configOf({ brokerTransport: 'redis+socket', brokerUser: '\ud800' }).brokerUrl).toBe(
      'redis+socket://%EF%BF%BD@/',
    )
    expect(configOf({ brokerTransport: 'memory' }).brokerUrl).toBe('memory:///')
    expect(configOf({ brokerHost: 'rabbit', brokerUrl: 'redis://' }).brokerUrl).toBe('redis://')
  })

  it('have a time zone', () => {
    expect(configOf().timezone).toBe('UTC')
    expect(configOf({ enableUtc: false }).timezone).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone)
    expect(configOf({ enableUtc: false, timezone: 'Asia/Tokyo' }).timezone).toBe('Asia/Tokyo')
  })

  it('are a new object after each change, and cannot be changed themselves', () => {
    const config = configOf()
    const before = config.values
    expect(config.values).toBe(before)
    config.update({ taskAcksLate: true })
    expect(config.values).not.toBe(before)
    expect(before.taskAcksLate).toBe(false)
    expect(Object.isFrozen(config.values)).toBe(true)
    expect(Object.keys(config.values)).toEqual(SETTING_NAMES)
  })
})

describe('properties', () => {
  it('read and write settings', () => {
    const config = configOf()
    config.taskSerializer = 'yaml'
    expect(config.taskSerializer).toBe('yaml')
    expect(config.values.taskSerializer).toBe('yaml')
    expectTypeOf(config.taskTimeLimit).toEqualTypeOf<number | null>()
  })

  it('are checked', () => {
    const config = configOf()
    expect(() => {
      config.workerConcurrency = -1
    }).toThrow('workerConcurrency must be a whole number, at least 0, or null, not -1')
    expect(() => {
      Object.assign(config, { taskAckLate: true })
    }).toThrow(TypeError)
    expect(config.isSet('workerConcurrency')).toBe(false)
  })
})

describe('a change that cannot be', () => {
  it('changes nothing', () => {
    const config = configOf({ eventQueueExclusive: false, eventQueueDurable: true })
    const contradiction = 'eventQueueExclusive and eventQueueDurable cannot both be true'
    expect(() => {
      config.update({ eventQueueExclusive: true, timezone: 'Asia/Tokyo' })
    }).toThrow(contradiction)
    expect(() => {
      config.update({ timezone: 'Asia/Tokyo', taskAckLate: 1 } as SettingsInput)
    }).toThrow(ImproperlyConfigured)
    config.update({ taskAcksLate: true })
    expect(config.values).toMatchObject({ eventQueueExclusive: false, timezone: 'UTC', taskAcksLate: true })
    expect(() => configOf({ eventQueueDurable: true })).toThrow(contradiction)
    expect(() => configOf({ controlQueueDurable: true })).toThrow('controlQueueExclusive and controlQueueDurable')
  })

  it('leaves the source as it was', () => {
    const config = configOf()
    config.setSource(readObject({ timezone: 'Asia/Tokyo' }))
    expect(() => {
      config.setSource(readObject({ controlQueueDurable: true }))
    }).toThrow(ImproperlyConfigured)
    expect([config.timezone, config.controlQueueDurable]).toEqual(['Asia/Tokyo', false])
  })
})

describe('what is shown', () => {
  const config = configOf({
    broker: 'redis://:secret@host/0;redis://:other@host/1',
    taskRoutes: [
      { 'proj.*': { queue: 'video' } },
      function byHand() {
        return null
      },
    ],
    mongodbBackendSettings: { user: 'me', password: 'secret' },
    securityKeyPassword: 'secret',
    resultBackendMaxRetries: null,
  })

  it('is what was given, secrets hidden', () => {
    const table = config.table()
    expect(table).toEqual({
      broker_url: 'redis://:**@host/0;redis://:**@host/1',
      task_routes: [{ 'proj.*': { queue: 'video' } }, '<byHand>'],
      mongodb_backend_settings: { user: 'me', password: '********' },
      security_key_password: '********',
      result_backend_max_retries: null,
    })
    expect(config.table({ censored: false })['security_key_password']).toBe('secret')
    expect(Object.keys(config.withoutDefaults())).toHaveLength(5)
    expect(config.withoutDefaults().securityKeyPassword).toBe('secret')
  })

  it('may be all of it, and JSON can carry it', () => {
    const table = config.table({ withDefaults: true })
    expect(Object.keys(table)).toHaveLength(SETTING_NAMES.length)
    expect(JSON.parse(JSON.stringify(table))).toEqual(table)
  })

  it('may be text', () => {
    expect(config.humanize().split('\n')).toContain("broker_url: 'redis://:**@host/0;redis://:**@host/1'")
    expect(config.humanize()).not.toContain('secret')
    expect(config.humanize({ withDefaults: true })).toContain('task_acks_late: false')
  })
})

describe('warnings', () => {
  it('come once each, from all layers', () => {
    const config = configOf({ workerPoolPutlocks: true })
    config.setSource(readObject({ CELERY_ACKS_LATE: true }))
    config.update({ workerPoolPutlocks: false })
    config.update({ workerTimer: 'x' })
    expect(config.warnings.map(({ message }) => message)).toEqual([
      'workerPoolPutlocks means something in Python only; it has no effect here',
      'workerTimer means something in Python only; it has no effect here',
      'CELERY_ACKS_LATE is an old name: write taskAcksLate',
    ])
  })
})
