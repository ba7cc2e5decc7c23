/**
 * What we use of the package `@redis/client`, which is imported here and nowhere else.
 *
 * It was chosen by measurement, for many commands in one write are all that we send: of 100 to 1000 in a pipeline (SETEX,
 * PUBLISH, LPUSH, RPOP, bodies of 250 to 1000 bytes) each costs 1.5 µs of CPU with it, 4.5 to 5.5 with ioredis 6 and
 * iovalkey 0.4; a script's reply of 100 bodies 0.8 µs a body against 0.9 to 1.7.
 */
import { importPeer } from '../load.ts'
import type { TlsOptions } from './tls.ts'

/** What the package makes of an argument. Numbers and plain byte arrays it does not take. */
export type LibraryArgument = string | Buffer

type LibraryListener = (message: Buffer, channel: Buffer) => void

/** One connection of the package. */
export interface LibraryClient {
  connect(): Promise<unknown>
  /** It leaves in the next turn of the event loop, with all that is sent by then. */
  sendCommand(command: readonly LibraryArgument[]): Promise<unknown>
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): LibraryClient
  subscribe(channels: string[], listener: LibraryListener, bufferMode: true): Promise<void>
  unsubscribe(channels: string[], listener: LibraryListener, bufferMode: true): Promise<void>
  pSubscribe(patterns: string[], listener: LibraryListener, bufferMode: true): Promise<void>
  pUnsubscribe(patterns: string[], listener: LibraryListener, bufferMode: true): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Whatever is under way is rejected. */
  destroy(): void
}

/** Where and how the package connects. */
export interface LibraryOptions {
  readonly RESP: 2
  readonly username?: string
  readonly password?: string
  readonly database?: number
  readonly name?: string
  readonly clientInfoTag: string
  /** Without a word of it each command has a time limit of its own, at the price of an abort signal and a timer. */
  readonly commandOptions: { readonly timeout: undefined }
  readonly socket: LibrarySocket | (LibrarySocket & TlsOptions & { readonly tls: true })
}

interface LibrarySocket {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly reconnectStrategy: false
  readonly connectTimeout: number
  readonly keepAlive: true
  readonly keepAliveInitialDelay: number
}

/** The module. */
export interface RedisLibrary {
  createClient(options: LibraryOptions): LibraryClient
  readonly RESP_TYPES: { readonly BLOB_STRING: number }
  /** The server answered with an error. */
  readonly ErrorReply: abstract new (...args: never[]) => Error
}

/** Rejects with `MissingDriver` where the package is not installed. `neededFor` begins the error's sentence. */
export async function loadRedis(neededFor: string): Promise<RedisLibrary> {
  const module = await importPeer<RedisLibrary | { readonly default: RedisLibrary }>('@redis/client', neededFor)
  // It is CommonJS: whether its names are found depends on who imports it.
  return 'createClient' in module ? module : module.default
}
