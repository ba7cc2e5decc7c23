/**
 * Reads broker and backend URLs: their parts, fail-over lists, SQLite files, and a form without passwords for logs.
 * Which schemes exist, and what a driver makes of the parts, is said elsewhere.
 */
import { ImproperlyConfigured } from '../errors.ts'

/** The parts of a URL; user, password, host and query are percent-decoded. What is missing is undefined. */
export interface ServerUrl {
  readonly scheme: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** As written, with its leading slash; empty where there is none. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

const SCHEME = '[a-zA-Z][a-zA-Z0-9+._-]*'
const BARE_SCHEME = new RegExp(`^${SCHEME}$`)
const SCHEME_PREFIX = new RegExp(`^(${SCHEME})://`)
/** A new URL of a list begins here; a `;` elsewhere belongs to its URL (a password, a list of memcached servers). */
const LIST_SEPARATOR = new RegExp(`\\s*;\\s*(?=${SCHEME}://)`)
const PARTS = new RegExp(`^(${SCHEME})://(?:([^/?]*)@)?([^/?]*)(/[^?]*)?(?:\\?(.*))?$`, 's')
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/
const SECRET_IN_QUERY = /([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&]*/gi
const MASK = '**'

/**
 * The URLs of a fail-over list: one text with `;` between, or several texts. A scheme on its own, such as `memory`,
 * stands for `memory://`.
 */
export function splitUrls(urls: string | readonly string[]): string[] {
  const texts = typeof urls === 'string' ? [urls] : urls
  const found = texts
    .flatMap((text) => text.split(LIST_SEPARATOR))
    .map((text) => text.trim().replace(/;$/, ''))
    .filter((text) => text !== '')
  return found.map((text) => (BARE_SCHEME.test(text) ? `${text}://` : text))
}

/** The scheme in lower case. Throws `ImproperlyConfigured` where the text has none. */
export function schemeOf(url: string): string {
  if (BARE_SCHEME.test(url)) return url.toLowerCase()
  const scheme = SCHEME_PREFIX.exec(url)?.[1]
  if (scheme === undefined) throw notAUrl(url)
  return scheme.toLowerCase()
}

/** The same URL with another scheme. */
export function withScheme(url: string, scheme: string): string {
  return BARE_SCHEME.test(url) ? `${scheme}://` : url.replace(SCHEME_PREFIX, `${scheme}://`)
}

/** Take a URL apart. Throws `ImproperlyConfigured`, without the password, where it is not well-formed. */
export function parseUrl(url: string): ServerUrl {
  const match = PARTS.exec(url)
  if (match === null) throw notAUrl(url)
  const [, scheme = '', credentials, authority = '', path = '', query = ''] = match
  const address = HOST_AND_PORT.exec(authority)
  const port = address?.[2] === undefined ? undefined : Number(address[2])
  if (address === null || (port !== undefined && port > 65535)) throw notAUrl(url)
  const colon = credentials?.indexOf(':') ?? -1
  const decode = (text: string | undefined): string | undefined => decodePart(text, url)
  return {
    scheme: scheme.toLowerCase(),
    username: decode(colon === -1 ? credentials : credentials?.slice(0, colon)),
    password: colon === -1 ? undefined : decode(credentials?.slice(colon + 1)),
    host: decode(address[1]),
    port,
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

/** The URL, or each URL of a list, with its password replaced by `**`: safe to log. */
export function maskPassword(urls: string | readonly string[]): string {
  return splitUrls(urls).map(maskOne).join(';')
}

/**
 * The file of an SQLite URL: `sqlite:///jobs.db` is relative, `sqlite:////var/jobs.db` absolute, `sqlite://` the
 * database in memory (`:memory:`). Throws `ImproperlyConfigured` for two slashes and a name.
 */
export function sqliteFile(url: string): string {
  const rest = url.replace(SCHEME_PREFIX, '').replace(/\?.*$/s, '')
  if (rest === '' || rest === '/') return ':memory:'
  if (rest.startsWith('/')) return rest.slice(1)
  throw new ImproperlyConfigured(
    `"${url}" has two slashes: write "sqlite:///${rest}" for a file in the working directory, four slashes for an absolute path`,
  )
}

function decodePart(text: string | undefined, url: string): string | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new ImproperlyConfigured(`"${maskPassword(url)}" has a % that is not an escape: write %25 for it`, { cause })
  }
}

function maskOne(url: string): string {
  const start = SCHEME_PREFIX.exec(url)?.[0].length ?? 0
  const queryAt = url.indexOf('?', start)
  const end = queryAt === -1 ? url.length : queryAt
  const at = endOfCredentials(url, start, end)
  const colon = url.indexOf(':', start)
  const query = url.slice(end).replaceAll(SECRET_IN_QUERY, `$1${MASK}`)
  if (at === -1 || colon === -1 || colon > at) return url.slice(0, end) + query
  return url.slice(0, colon + 1) + MASK + url.slice(at, end) + query
}

/** Where the @ behind the password is; -1 where there is none. */
function endOfCredentials(url: string, start: number, end: number): number {
  const slashAt = url.indexOf('/', start)
  // No host: a file or a socket.
  if (slashAt === start) return -1
  const authority = url.slice(start, slashAt === -1 ? end : slashAt)
  if (authority.includes('@')) return start + authority.lastIndexOf('@')
  // A password may hold a slash that nobody escaped: then the last @ of the whole is the better guess.
  const at = url.lastIndexOf('@', end - 1)
  return at < start ? -1 : at
}

function notAUrl(url: string): ImproperlyConfigured {
  return new ImproperlyConfigured(
    `"${maskPassword(url)}" is not a URL such as redis://user:password@host:6379/0 (write %40 for @, %2F for /, %3A for : in a password)`,
  )
}
