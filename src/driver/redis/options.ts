/**
 * What a Redis URL and the options beside it say. The same for the broker and for results; names are those of kombu's
 * and Celery's Redis transports, in camelCase or as Python writes them.
 */
import { ImproperlyConfigured } from '../../errors.ts'
import { didYouMean } from '../../util/suggest.ts'
import { maskPassword, parseUrl, splitUrls } from '../../util/url.ts'
import type { ServerUrl } from '../../util/url.ts'
import { readTls, TLS_NAMES } from './tls.ts'
import type { TlsOptions } from './tls.ts'
import { camelKeys, readNumber, readSeconds, readTable, readText } from './values.ts'
import type { RedisOptions } from './values.ts'

export type { RedisOptions } from './values.ts'

/** A server's address: host and port, or the path of a Unix socket. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly path?: string
}

/** How to connect to one server. */
export interface RedisLogin {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: TlsOptions | undefined
}

/** All of it, checked. */
export interface RedisSettings extends RedisLogin {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** The servers; of Sentinel the sentinels; of a cluster those to ask first. */
  readonly addresses: readonly RedisAddress[]
  /** The number of the database. Default 0, and 0 in a cluster. */
  readonly database: number
  readonly clientName: string | undefined
  /** How long connecting may take. Default 10 s. */
  readonly connectTimeoutMs: number
  /** How long a reply may take. Default 30 s. */
  readonly socketTimeoutMs: number
  /** An idle connection is asked so often whether it lives; 0 is never. Default 25 s, kombu's. */
  readonly healthCheckMs: number
  /** What Sentinel calls the master; empty where there is no Sentinel. */
  readonly masterName: string
  /** A sentinel that sees fewer others is not believed. Default 0. */
  readonly minOtherSentinels: number
  /** How to log in at the sentinels themselves (`sentinelKwargs`). */
  readonly sentinelLogin: RedisLogin
  /** For errors and logs: the address without password. */
  readonly place: string
}

/** Where the URL names none. */
const PARTS = ['host', 'port', 'db', 'virtualHost', 'username', 'password'] as const
/** Names of Celery that have no meaning here: connections are few, always kept alive, and never used after a time-out. */
const WITHOUT_MEANING = ['maxConnections', 'retryOnTimeout', 'socketKeepalive', 'socketKeepaliveOptions'] as const
const NAMES: readonly string[] = [
  ...PARTS,
  ...TLS_NAMES,
  ...WITHOUT_MEANING,
  ...['ssl', 'clientName', 'socketTimeout', 'socketConnectTimeout', 'healthCheckInterval'],
  ...['masterName', 'minOtherSentinels', 'sentinelKwargs'],
]

const KINDS: ReadonlyMap<string, RedisSettings['kind']> = new Map([
  ['redis', 'single'],
  ['rediss', 'single'],
  ['socket', 'single'],
  ['redis+socket', 'single'],
  ['sentinel', 'sentinel'],
  ['rediscluster', 'cluster'],
  ['redis+cluster', 'cluster'],
])
const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26379

/**
 * Separate what belongs to the connection from what belongs to its user, whose names are `own`. Names come out in
 * camelCase, those of the URL's query too, and the query wins. Throws `ImproperlyConfigured` for a name that nobody knows.
 */
export function splitRedisOptions<Own extends string>(
  url: string,
  options: RedisOptions,
  own: readonly Own[],
): { readonly connection: RedisOptions; readonly own: Readonly<Partial<Record<Own, unknown>>> } {
  const connection: Record<string, unknown> = {}
  const ours: Partial<Record<Own, unknown>> = {}
  for (const [name, value] of Object.entries(gather(url, options))) {
    if (own.includes(name as Own)) ours[name as Own] = value
    else if (NAMES.includes(name)) connection[name] = value
    else throw unknownName(name, [...own, ...NAMES])
  }
  return { connection, own: ours }
}

/**
 * Read `redis://user:password@host:6379/0?socket_timeout=5`, `rediss://`, `redis+socket:///path?virtual_host=0`,
 * `sentinel://one:26379;sentinel://two:26379/0` or `rediscluster://one:7000;rediscluster://two:7000`, and the options
 * given besides; the URL wins. Throws `ImproperlyConfigured` for a value that makes no sense. Names that are not the
 * connection's are not looked at: that is `splitRedisOptions`.
 */
export function readRedisOptions(url: string, options: RedisOptions): RedisSettings {
  const given = gather(url, options)
  const urls = splitUrls(url).map(parseUrl)
  const [first] = urls
  const kind = KINDS.get(first?.scheme ?? '')
  if (first === undefined || kind === undefined) {
    throw new ImproperlyConfigured(`"${maskPassword(url)}" is not a URL of Redis, such as redis://localhost:6379/0`)
  }
  if (kind === 'sentinel' && readText('masterName', given['masterName']) === undefined) {
    throw new ImproperlyConfigured('Sentinel needs the name of its master: set the transport option "masterName"')
  }
  const addresses = urls.map((one) => addressOf(one, given, kind))
  const sentinelKwargs = readTable('sentinelKwargs', given['sentinelKwargs'])
  return {
    kind,
    addresses,
    database: kind === 'cluster' ? 0 : readDatabase(urls, given),
    username: urls.find(({ username }) => username !== undefined)?.username ?? readText('username', given['username']),
    password: urls.find(({ password }) => password !== undefined)?.password ?? readText('password', given['password']),
    tls: readTls(first.scheme, given, kind === 'single' ? hostOf(first, given) : undefined),
    clientName: readText('clientName', given['clientName']),
    connectTimeoutMs: readSeconds('socketConnectTimeout', given['socketConnectTimeout'], 10),
    socketTimeoutMs: readSeconds('socketTimeout', given['socketTimeout'], 30),
    healthCheckMs: readSeconds('healthCheckInterval', given['healthCheckInterval'], 25),
    masterName: readText('masterName', given['masterName']) ?? '',
    minOtherSentinels: readNumber('minOtherSentinels', given['minOtherSentinels'], 0),
    sentinelLogin: {
      username: readText('username', sentinelKwargs['username']),
      password: readText('password', sentinelKwargs['password']),
      tls: readTls('', sentinelKwargs, undefined),
    },
    place: addresses.map(placeOf).join(', '),
  }
}

/** All options by their names in camelCase; the URL's query wins. */
function gather(url: string, options: RedisOptions): RedisOptions {
  const queries = splitUrls(url).map((one) => camelKeys(parseUrl(one).query))
  return Object.assign(camelKeys(options), ...queries) as RedisOptions
}

/** An address for errors and logs. */
export function placeOf({ host, port, path }: RedisAddress): string {
  return path ?? `${host.includes(':') ? `[${host}]` : host}:${String(port)}`
}

function addressOf(url: ServerUrl, given: RedisOptions, kind: RedisSettings['kind']): RedisAddress {
  const address = {
    host: hostOf(url, given),
    port: url.port ?? readNumber('port', given['port'], kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT),
  }
  return isSocket(url) ? { ...address, path: decodeURIComponent(url.path) } : address
}

function hostOf(url: ServerUrl, given: RedisOptions): string {
  const host = url.host ?? readText('host', given['host']) ?? 'localhost'
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** In the path of the first that names one; of a Unix socket, whose path is its file, in the query. */
function readDatabase(urls: readonly ServerUrl[], given: RedisOptions): number {
  const inPath = urls.map((url) => (isSocket(url) ? '' : url.path.replaceAll('/', ''))).find((path) => path !== '')
  const value = inPath ?? given['virtualHost'] ?? given['db'] ?? 0
  const number = Number(typeof value === 'string' ? value.replaceAll('/', '') : value)
  if (Number.isInteger(number) && number >= 0) return number
  throw new ImproperlyConfigured(
    `The database of Redis is a number such as the 0 in redis://host/0; it is ${String(value)}`,
  )
}

function isSocket(url: ServerUrl): boolean {
  return url.scheme === 'socket' || url.scheme === 'redis+socket'
}

function unknownName(name: string, known: readonly string[]): ImproperlyConfigured {
  const hint = didYouMean(name, known)
  return new ImproperlyConfigured(`Redis has no option "${name}"${hint === '' ? `; it has ${known.join(', ')}` : hint}`)
}
