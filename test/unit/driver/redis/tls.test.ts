import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTls } from '../../../../src/driver/redis/tls.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('TLS', () => {
  it('is there where the scheme or the option "ssl" says so', () => {
    expect(readTls('redis', {}, 'h')).toBeUndefined()
    expect(readTls('redis', { ssl: false }, 'h')).toBeUndefined()
    expect(readTls('redis', { ssl: null }, 'h')).toBeUndefined()
    expect(readTls('redis', { ssl: true }, 'h')).toEqual({ rejectUnauthorized: true, servername: 'h' })
    expect(readTls('rediss', {}, '10.0.0.1')).toEqual({ rejectUnauthorized: true })
  })

  it.each([
    ['none', false],
    ['CERT_NONE', false],
    ['ssl.CERT_NONE', false],
    [0, false],
    ['optional', true],
    ['CERT_REQUIRED', true],
    [2, true],
    [null, true],
  ])('reads ssl_cert_reqs %s', (sslCertReqs, rejectUnauthorized) => {
    expect(readTls('rediss', { sslCertReqs }, 'h')?.rejectUnauthorized).toBe(rejectUnauthorized)
    expect(readTls('redis', { ssl: { ssl_cert_reqs: sslCertReqs } }, 'h')?.rejectUnauthorized).toBe(rejectUnauthorized)
  })

  it('reads its files, and says which one it cannot read', () => {
    const file = join(temporaryDirectory(), 'ca.pem')
    writeFileSync(file, 'certificate')
    expect(readTls('rediss', { sslCaCerts: file }, 'h')?.ca?.toString()).toBe('certificate')
    expect(() => readTls('rediss', { sslKeyfile: '/no/such/key.pem' }, 'h')).toThrow(
      /"\/no\/such\/key.pem".*"sslKeyfile"/,
    )
  })

  it('need not look at the name', () => {
    expect(readTls('rediss', { sslCheckHostname: 'false' }, 'h')?.checkServerIdentity?.()).toBeUndefined()
    expect(readTls('rediss', {}, 'h')).not.toHaveProperty('checkServerIdentity')
  })

  it('refuses what makes no sense, and TLS options where there is no TLS', () => {
    expect(() => readTls('rediss', { sslCertReqs: 'perhaps' }, 'h')).toThrow(ImproperlyConfigured)
    expect(() => readTls('redis', { sslCertReqs: 'none' }, 'h')).toThrow(/rediss:/)
  })
})
