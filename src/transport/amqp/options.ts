/** What an AMQP URL, the options beside it and the settings say; names are those of Celery and kombu. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { ConnectionOptions } from 'node:tls'
import { LOGIN_METHODS } from '../../driver/amqp.ts'
import type { AmqpOptions, LoginMethod } from '../../driver/amqp.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import { camelCase } from '../../util/case.ts'
import { isRecord } from '../../util/record.ts'
import { didYouMean } from '../../util/suggest.ts'
import { maskPassword, parseUrl } from '../../util/url.ts'
import type { BrokerSettings, TransportOptions } from '../transport.ts'

/** The types of queues in which delayed messages lie. */
export type DelayedQueueType = 'quorum' | 'classic'

/** All of it, checked. */
export interface AmqpTransportOptions extends AmqpOptions {
  readonly delayedQueueType: DelayedQueueType
}

/**
 * Options by name, as they may stand in the query of the URL or in `brokerTransportOptions`. `confirmPublish` is Celery's
 * and has no effect: publications are always confirmed.
 */
const OPTIONS = ['connectionName', 'confirmPublish', 'heartbeat', 'loginMethod', 'ssl'] as const
type OptionName = (typeof OPTIONS)[number]

/** Celery's options of TLS (`brokerUseSsl`), the same with Redis' names. */
const TLS_OPTIONS: Readonly<Record<string, 'ca' | 'cert' | 'key' | 'servername' | 'certReqs'>> = {
  caCerts: 'ca',
  certfile: 'cert',
  keyfile: 'key',
  certReqs: 'certReqs',
  serverHostname: 'servername',
}

const PORT = 5672
const TLS_PORT = 5671
/** Celery's default, in seconds; RabbitMQ makes it 60. */
const HEARTBEAT = 120

/**
 * Read `amqp://user:password@host:5672/vhost` and what is given besides; the URL wins. What is missing is Celery's
 * default: `guest:guest@localhost`, the virtual host `/` (which `//` and `/%2F` at the end stand for too). Throws
 * `ImproperlyConfigured` for an unknown option or a value that makes no sense.
 */
export function readAmqpOptions(
  url: string,
  options: TransportOptions,
  settings: BrokerSettings = {},
): AmqpTransportOptions {
  const { scheme, username, password, host, port, path, query } = parseUrl(url.includes('://') ? url : `${url}://`)
  const given = checkNames({ ...options, ...query })
  const tls = readTls(given.ssl ?? (settings.useSsl === false ? undefined : settings.useSsl), scheme === 'amqps')
  return {
    // Node asks for IPv6 first where there is one; RabbitMQ listens to both. As kombu does.
    host: host === undefined || host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'),
    port: port ?? (tls === undefined ? PORT : TLS_PORT),
    username: username ?? 'guest',
    password: password ?? (username === undefined ? 'guest' : ''),
    virtualHost: virtualHostOf(path, url),
    ...(tls === undefined ? {} : { tls: { servername: nameOf(host), ...tls } }),
    heartbeat: readHeartbeat(
      given.heartbeat ?? (settings.heartbeat === undefined ? HEARTBEAT : (settings.heartbeat ?? 0)),
    ),
    loginMethod: readLoginMethod(given.loginMethod ?? settings.loginMethod ?? 'PLAIN'),
    connectionName: readName(given.connectionName),
    delayedQueueType: settings.delayedQueueType ?? 'quorum',
  }
}

/** The path without its first slash; nothing, and another slash, stand for the virtual host that RabbitMQ begins with. */
function virtualHostOf(path: string, url: string): string {
  const name = path.replace(/^\//, '')
  if (name === '') return '/'
  try {
    return decodeURIComponent(name)
  } catch (cause) {
    throw new ImproperlyConfigured(`"${maskPassword(url)}" has a % that is not an escape: write %25 for it`, { cause })
  }
}

function checkNames(options: Record<string, unknown>): Partial<Record<OptionName, unknown>> {
  const given: Partial<Record<OptionName, unknown>> = {}
  const tls: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    // As in kombu, the query of a URL has the options of TLS one by one.
    if (/^ssl[A-Z]/.test(camelCase(name))) {
      tls[name] = value
      continue
    }
    const known = OPTIONS.find((option) => option === camelCase(name))
    if (known === undefined) {
      const hint = didYouMean(name, OPTIONS)
      const message = `AMQP has no option "${name}"${hint === '' ? `; it has ${OPTIONS.join(', ')}` : hint}`
      throw new ImproperlyConfigured(message)
    }
    given[known] = value
  }
  if (Object.keys(tls).length > 0) given.ssl = { ...(isRecord(given.ssl) ? given.ssl : {}), ...tls }
  return given
}

function readHeartbeat(value: unknown): number {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= 65_535) return Math.ceil(seconds)
  throw new ImproperlyConfigured(
    `The AMQP option "heartbeat" is a number of seconds, 0 for none; it is ${String(value)}`,
  )
}

function readLoginMethod(value: unknown): LoginMethod {
  const found = LOGIN_METHODS.find((method) => method === value)
  if (found !== undefined) return found
  throw new ImproperlyConfigured(`The login method is one of ${LOGIN_METHODS.join(', ')}; it is ${String(value)}`)
}

function readName(value: unknown): string {
  if (typeof value === 'string') return value
  return `celeriac@${hostname()} (${String(process.pid)})`
}

/** A name to be checked against the certificate; an address is none. */
function nameOf(host: string | undefined): string | undefined {
  return host === undefined || /^[\d.]+$|:/.test(host) ? undefined : host
}

function readTls(value: unknown, wanted: boolean): ConnectionOptions | undefined {
  // The query of a URL has texts only.
  const said = typeof value === 'string' ? value.toLowerCase() : value
  if (said === undefined || said === null || said === false || said === 'false') return wanted ? {} : undefined
  if (said === true || said === 'true') return {}
  if (!isRecord(value))
    throw new ImproperlyConfigured(`The AMQP option "ssl" is true or a table; it is ${String(value)}`)
  const tls: ConnectionOptions = {}
  for (const [name, setting] of Object.entries(value)) {
    const option = TLS_OPTIONS[camelCase(name).replace(/^ssl([A-Z])/, (_, letter: string) => letter.toLowerCase())]
    if (option === undefined) {
      const known = Object.keys(TLS_OPTIONS).join(', ')
      throw new ImproperlyConfigured(`AMQP's options of TLS are ${known}; there is no "${name}"`)
    }
    if (setting === undefined || setting === null) continue
    if (option === 'certReqs') tls.rejectUnauthorized = readCertReqs(setting)
    else if (option === 'servername') tls.servername = String(setting)
    else tls[option] = readFile(name, setting)
  }
  return tls
}

/** Python's `CERT_NONE`, `CERT_OPTIONAL` and `CERT_REQUIRED` in all their spellings. For a client the last two are one. */
function readCertReqs(value: unknown): boolean {
  const name = String(value)
    .toLowerCase()
    .replace(/^(ssl\.)?cert_/, '')
  if (name === 'none' || name === '0') return false
  if (['optional', 'required', '1', '2'].includes(name)) return true
  throw new ImproperlyConfigured(`The AMQP option "cert_reqs" is required, optional or none; it is ${String(value)}`)
}

function readFile(name: string, file: unknown): Buffer {
  try {
    return readFileSync(String(file))
  } catch (cause) {
    throw new ImproperlyConfigured(`The file "${String(file)}" of the AMQP option "${name}" cannot be read`, { cause })
  }
}
