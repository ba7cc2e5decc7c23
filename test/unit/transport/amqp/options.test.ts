import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { readAmqpOptions } from '../../../../src/transport/amqp/options.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('the options of the AMQP transport', () => {
  it.each(['amqp', 'amqp://', 'amqp://localhost', 'amqp://localhost//'])(
    'are Celery’s where %s says nothing',
    (url) => {
      expect(readAmqpOptions(url, {})).toEqual({
        host: '127.0.0.1',
        port: 5672,
        username: 'guest',
        password: 'guest',
        virtualHost: '/',
        heartbeat: 120,
        loginMethod: 'PLAIN',
        connectionName: `celeriac@${hostname()} (${String(process.pid)})`,
        delayedQueueType: 'quorum',
      })
    },
  )

  it('are read from the URL', () => {
    const url = 'amqp://me%40home:p%2Fw@[::1]:1234/a%2Fb?heartbeat=2.5&login_method=EXTERNAL&connection_name=me'
    expect(readAmqpOptions(url, {})).toMatchObject({
      host: '::1',
      port: 1234,
      username: 'me@home',
      password: 'p/w',
      virtualHost: 'a/b',
      heartbeat: 3,
      loginMethod: 'EXTERNAL',
      connectionName: 'me',
    })
  })

  it.each([
    ['amqp://h', '/'],
    ['amqp://h/', '/'],
    ['amqp://h//', '/'],
    ['amqp://h/%2F', '/'],
    ['amqp://h/name', 'name'],
    ['amqp://h//name', '/name'],
  ])('have in %s the virtual host %s', (url, virtualHost) => {
    expect(readAmqpOptions(url, {}).virtualHost).toBe(virtualHost)
  })

  it('have no password for a user without one', () => {
    expect(readAmqpOptions('amqp://me@h', {})).toMatchObject({ username: 'me', password: '' })
  })

  it('say more in the URL than beside it, and more there than in the settings', () => {
    const settings = { heartbeat: 1, loginMethod: 'EXTERNAL', delayedQueueType: 'classic' } as const
    const heartbeats = [
      readAmqpOptions('amqp://h?heartbeat=3', { heartbeat: 2 }, settings),
      readAmqpOptions('amqp://h', { heartbeat: 2 }, settings),
      readAmqpOptions('amqp://h', {}, settings),
    ].map(({ heartbeat }) => heartbeat)
    expect(heartbeats).toEqual([3, 2, 1])
    const read = readAmqpOptions('amqp://h', { loginMethod: 'AMQPLAIN', confirm_publish: true }, settings)
    expect(read).toMatchObject({ loginMethod: 'AMQPLAIN', delayedQueueType: 'classic' })
  })

  it('have no heartbeat where the setting is null', () => {
    expect(readAmqpOptions('amqp://h', {}, { heartbeat: null }).heartbeat).toBe(0)
  })

  it.each([
    ['amqp://h?heartbeat=often', {}, 'is a number of seconds, 0 for none; it is often'],
    ['amqp://h', { heartbeat: -1 }, 'it is -1'],
    ['amqp://h', { heartbeat: 65_536 }, 'it is 65536'],
    ['amqp://h?loginMethod=GSSAPI', {}, 'one of PLAIN, AMQPLAIN, EXTERNAL; it is GSSAPI'],
    ['amqp://h', { heartbeet: 7 }, 'AMQP has no option "heartbeet"; did you mean "heartbeat"?'],
    ['amqp://h', { zone: 'a' }, 'it has connectionName, confirmPublish, heartbeat, loginMethod, ssl'],
    ['amqps://h?ssl_ca=x', {}, 'options of TLS are caCerts, certfile, keyfile, certReqs, serverHostname'],
    ['amqp://h', { ssl: 1 }, '"ssl" is true or a table; it is 1'],
    ['amqp://h', { ssl: { ca: 'x' } }, 'options of TLS are caCerts, certfile, keyfile, certReqs, serverHostname'],
    ['amqp://h', { ssl: { cert_reqs: 'perhaps' } }, '"cert_reqs" is required, optional or none; it is perhaps'],
    ['amqp://h', { ssl: { ca_certs: '/no/such.pem' } }, 'The file "/no/such.pem" of the AMQP option "ca_certs"'],
    ['amqp://me:secret@h/50%', {}, '"amqp://me:**@h/50%" has a % that is not an escape'],
  ])('refuse %s with %o', (url, options, sentence) => {
    const read = (): unknown => readAmqpOptions(url, options)
    expect(read).toThrow(ImproperlyConfigured)
    expect(read).toThrow(sentence)
  })
})

describe('TLS', () => {
  it.each([
    ['amqps://h', {}, {}],
    ['amqp://h', { ssl: true }, {}],
    ['amqp://h?ssl=True', {}, {}],
    ['amqp://h', {}, { useSsl: true }],
  ])('is spoken for %s with %o and %o, on its own port and with the host’s name', (url, options, settings) => {
    expect(readAmqpOptions(url, options, settings)).toMatchObject({ port: 5671, tls: { servername: 'h' } })
  })

  it.each([
    ['amqp://h', {}, { useSsl: false }],
    ['amqp://h', { ssl: false }, { useSsl: true }],
    ['amqp://h?ssl=false', {}, { useSsl: true }],
  ])('is not spoken for %s with %o and %o', (url, options, settings) => {
    expect(readAmqpOptions(url, options, settings)).toMatchObject({ port: 5672 })
    expect(readAmqpOptions(url, options, settings)).not.toHaveProperty('tls')
  })

  it('has files, in Python’s names or ours, with `ssl_` in front or without', () => {
    const [ca, key] = ['ca.pem', 'key.pem'].map((name) => join(temporaryDirectory(), name)) as [string, string]
    writeFileSync(ca, 'authority')
    writeFileSync(key, 'secret')
    const ssl = { ca_certs: ca, ssl_keyfile: key, certfile: null, serverHostname: 'broker' }
    expect(readAmqpOptions('amqp://h', { ssl }).tls).toEqual({
      ca: Buffer.from('authority'),
      key: Buffer.from('secret'),
      servername: 'broker',
    })
  })

  it.each([
    ['CERT_NONE', false],
    ['ssl.CERT_NONE', false],
    [0, false],
    ['optional', true],
    ['CERT_REQUIRED', true],
    [2, true],
  ])('reads cert_reqs %s', (certReqs, rejectUnauthorized) => {
    expect(readAmqpOptions('amqps://h', { ssl: { certReqs } }).tls).toMatchObject({ rejectUnauthorized })
    expect(readAmqpOptions(`amqps://h?ssl_cert_reqs=${String(certReqs)}`, {}).tls).toMatchObject({ rejectUnauthorized })
  })

  it.each(['amqps://10.0.0.1', 'amqps://[::1]'])('has no name to check for %s', (url) => {
    expect(readAmqpOptions(url, {}).tls).toEqual({ servername: undefined })
  })

  it('checks the name localhost, though its address is used', () => {
    expect(readAmqpOptions('amqps://localhost', {})).toMatchObject({
      host: '127.0.0.1',
      tls: { servername: 'localhost' },
    })
  })
})
