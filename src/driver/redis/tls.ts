/** TLS of Redis connections: Celery's `ssl_` options (`broker_use_ssl`, `redis_backend_use_ssl`) in Node's terms. */
import { readFileSync } from 'node:fs'
import { ImproperlyConfigured } from '../../errors.ts'
import { readSwitch, readTable, readText } from './values.ts'
import type { RedisOptions } from './values.ts'

/** What TLS needs to know, in Node's names. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean
  readonly servername?: string
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  /** Answers undefined: the name in the certificate is not looked at. */
  readonly checkServerIdentity?: () => undefined
}

/** Names of options, in the query of a `rediss://` URL, in the table `ssl`, or beside it. */
export const TLS_NAMES = ['sslCertReqs', 'sslCaCerts', 'sslCertfile', 'sslKeyfile', 'sslCheckHostname'] as const

/**
 * TLS where the scheme is `rediss`, or where `ssl` (true, or a table) says so; else undefined. The certificate is checked
 * unless `sslCertReqs` is `none`, and has to be `host`'s. Throws `ImproperlyConfigured` for a value that makes no sense.
 */
export function readTls(scheme: string, given: RedisOptions, host: string | undefined): TlsOptions | undefined {
  const table = {
    ...(given['ssl'] === true ? {} : readTable('ssl', given['ssl'] === false ? undefined : given['ssl'])),
    ...given,
  }
  const isWanted = scheme === 'rediss' || Boolean(given['ssl'])
  if (!isWanted) {
    if (TLS_NAMES.every((name) => table[name] === undefined)) return undefined
    throw new ImproperlyConfigured(
      'Options of TLS (ssl_cert_reqs and so on) belong to a URL that begins with rediss://',
    )
  }
  return {
    rejectUnauthorized: readCertReqs(table['sslCertReqs']),
    // An IP address is no server name.
    ...(host === undefined || /^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...readFile('ca', 'sslCaCerts', table),
    ...readFile('cert', 'sslCertfile', table),
    ...readFile('key', 'sslKeyfile', table),
    ...(readSwitch('sslCheckHostname', table['sslCheckHostname'], true)
      ? {}
      : { checkServerIdentity: () => undefined }),
  }
}

/** Python's `CERT_NONE`, `CERT_OPTIONAL` and `CERT_REQUIRED` in all their spellings. For a client the last two are one. */
function readCertReqs(value: unknown): boolean {
  const name = String(value ?? 'required')
    .toLowerCase()
    .replace(/^(ssl\.)?cert_/, '')
  if (name === 'none' || name === '0') return false
  if (['optional', 'required', '1', '2'].includes(name)) return true
  throw new ImproperlyConfigured(
    `The Redis option "ssl_cert_reqs" is required, optional or none; it is ${String(value)}`,
  )
}

function readFile(field: 'ca' | 'cert' | 'key', name: string, given: RedisOptions): Partial<TlsOptions> {
  const file = readText(name, given[name])
  if (file === undefined) return {}
  try {
    return { [field]: readFileSync(file) }
  } catch (cause) {
    throw new ImproperlyConfigured(`The file "${file}" of the Redis option "${name}" cannot be read`, { cause })
  }
}
