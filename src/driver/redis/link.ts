/**
 * One connection to one Redis server, kept honest: every wait has an end, an idle connection is asked whether it lives,
 * and one that was lost is over. What is said over it is `connection.ts`.
 */
import { ConnectionError } from '../../errors.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { RedisCommand, RedisReply, RedisReplyOptions } from './client.ts'
import { explainConnect, explainLoss, explainReply, isWrongServer } from './failure.ts'
import type { LibraryArgument, LibraryClient, LibraryOptions, RedisLibrary } from './library.ts'
import type { RedisAddress, RedisLogin } from './options.ts'
import { placeOf } from './options.ts'

/** Where a link leads to, and how long it waits. */
export interface LinkParts {
  readonly library: RedisLibrary
  readonly clock: Clock
  readonly address: RedisAddress
  readonly login: RedisLogin
  readonly database: number
  readonly clientName: string | undefined
  readonly connectTimeoutMs: number
  readonly socketTimeoutMs: number
  /** 0 is never. */
  readonly healthCheckMs: number
}

/** TCP tells after so long without a word that the other side is gone. */
const KEEP_ALIVE_MS = 15_000

/** Rejects with `ConnectionError`, or with `OperationalError` where the server does not serve (yet). */
export async function openLink(parts: LinkParts): Promise<Link> {
  const client = parts.library.createClient(libraryOptions(parts))
  const link = new Link(client, parts)
  await link.connect()
  return link
}

/** Made by `openLink`. */
export class Link {
  /** The server's address, for errors. */
  readonly place: string
  readonly #client: LibraryClient
  readonly #bytes: LibraryClient
  readonly #parts: LinkParts
  readonly #closed = deferred<Error | undefined>()
  /** What those are told who come too late. */
  #loss: ConnectionError | undefined
  #healthCheck: Timer | undefined
  /** Replies that are waited for, without those of commands that block. */
  #pending = 0
  #blocked = 0
  #onIdle: (() => void) | undefined
  #usedMs = 0

  constructor(client: LibraryClient, parts: LinkParts) {
    this.place = placeOf(parts.address)
    this.#client = client
    this.#bytes = client.withTypeMapping({ [parts.library.RESP_TYPES.BLOB_STRING]: Buffer })
    this.#parts = parts
    client.on('error', (error) => {
      this.end(explainLoss(error, this.place))
    })
  }

  /** Resolves when the link is over: with the error that ended it, or undefined after `close()` or `end()`. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise
  }

  /** Connects, and asks whether the server serves: one that loads its data lets everybody in and refuses everything. */
  async connect(): Promise<void> {
    const { connectTimeoutMs, clock, login } = this.#parts
    const timeout = deferred<never>()
    const timer = clock.after(connectTimeoutMs, () => {
      // A Redis that does not speak TLS takes the greeting for a command that has not ended yet, and waits.
      const advice = login.tls === undefined ? '' : '; does it speak TLS at this port?'
      const seconds = String(connectTimeoutMs / 1000)
      timeout.reject(new ConnectionError(`it did not answer within ${seconds} seconds${advice}`))
    })
    try {
      await Promise.race([this.#client.connect(), timeout.promise])
      await Promise.race([this.send([['PING']]), timeout.promise])
    } catch (error) {
      this.end()
      throw explainConnect(error, this.place)
    } finally {
      timer.cancel()
      timeout.promise.catch(() => undefined)
    }
    this.#checkHealth()
  }

  /** See `RedisClient.send`. */
  async send(commands: readonly RedisCommand[], options: RedisReplyOptions = {}): Promise<RedisReply[]> {
    if (commands.length === 0) return []
    const { bytes = false, blockMs = 0 } = options
    const batch = (bytes ? this.#bytes : this.#client).multi()
    for (const command of commands) batch.addCommand(encodable(command))
    return (await this.#guard(() => batch.execAsPipeline(), blockMs)) as RedisReply[]
  }

  /** See `RedisClient.transaction`. The package's own transactions answer text only. */
  async transaction(commands: readonly RedisCommand[], options: RedisReplyOptions = {}): Promise<RedisReply[]> {
    const replies = await this.send([['MULTI'], ...commands, ['EXEC']], options)
    const results = replies.at(-1) as unknown[]
    const failure = results.find((result) => result instanceof Error)
    if (failure instanceof Error) throw this.#explain(failure)
    return results as RedisReply[]
  }

  /** Whatever else the package does for us, with the same care. */
  do<T>(work: (client: LibraryClient) => Promise<T>): Promise<T> {
    return this.#guard(() => work(this.#client), 0)
  }

  /** Waits for replies that are under way, then ends. */
  async close(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.end()
  }

  /** Over, now: whoever waits for a reply gets the error. */
  end(error?: Error): void {
    if (this.#loss !== undefined) return
    this.#loss = explainLoss(error ?? new Error('it was closed'), this.place)
    this.#healthCheck?.cancel()
    this.#onIdle?.()
    try {
      this.#client.destroy()
    } catch {
      // It is closed already, or was never open.
    }
    this.#closed.resolve(error)
  }

  /** Do it, but do not wait for ever; errors become ours. */
  async #guard<T>(work: () => Promise<T>, blockMs: number): Promise<T> {
    if (this.#loss !== undefined) throw this.#loss
    const { clock, socketTimeoutMs } = this.#parts
    const timer = clock.after(socketTimeoutMs + blockMs, () => {
      this.end(explainLoss(new Error(`it did not answer within ${String(socketTimeoutMs / 1000)} seconds`), this.place))
    })
    this.#count(blockMs, 1)
    try {
      return await work()
    } catch (error) {
      throw this.#explain(error)
    } finally {
      timer.cancel()
      this.#count(blockMs, -1)
      this.#usedMs = clock.monotonic()
    }
  }

  #count(blockMs: number, by: 1 | -1): void {
    if (blockMs > 0) this.#blocked += by
    else this.#pending += by
    if (this.#pending === 0) this.#onIdle?.()
  }

  #explain(error: unknown): Error {
    if (this.#loss !== undefined) return this.#loss
    const isReply = error instanceof this.#parts.library.ErrorReply
    const explained = isReply ? explainReply(error, this.place) : explainLoss(error, this.place)
    if (!isReply || isWrongServer(error)) this.end(explained)
    return explained
  }

  /** Where nothing was said for a while: a command that blocks has an end of its own. */
  #checkHealth(): void {
    const { clock, healthCheckMs } = this.#parts
    if (healthCheckMs === 0 || this.#loss !== undefined) return
    const check = (): void => {
      const isIdle = this.#pending === 0 && this.#blocked === 0
      // An error ends the link, and that is all that was to be found out.
      if (isIdle && clock.monotonic() - this.#usedMs >= healthCheckMs) this.send([['PING']]).catch(() => undefined)
      this.#checkHealth()
    }
    this.#healthCheck = clock.after(healthCheckMs, check, { unref: true })
  }
}

/**
 * The package joins texts to one before it writes them. From this length on (a list of events has some 30,000 characters)
 * that costs nearly twice what it costs to write their bytes.
 */
const LONG_TEXT = 4096

/** The package takes text and Buffers. Most commands have nothing else. */
function encodable(command: RedisCommand): readonly LibraryArgument[] {
  return command.every(isEncodable) ? command : command.map(encode)
}

function isEncodable(value: string | number | Uint8Array): value is LibraryArgument {
  return typeof value === 'string' ? value.length < LONG_TEXT : Buffer.isBuffer(value)
}

function encode(value: string | number | Uint8Array): LibraryArgument {
  if (typeof value === 'string') return value.length < LONG_TEXT ? value : Buffer.from(value)
  if (typeof value === 'number') return String(value)
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function libraryOptions({ address, login, database, clientName, connectTimeoutMs }: LinkParts): LibraryOptions {
  const { host, port, path } = address
  const { username, password, tls } = login
  const socket = {
    ...(path === undefined ? { host, port } : { path }),
    reconnectStrategy: false as const,
    connectTimeout: connectTimeoutMs,
    keepAlive: true as const,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  }
  return {
    RESP: 2,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(clientName === undefined ? {} : { name: clientName }),
    database,
    clientInfoTag: 'celeriac',
    socket: tls === undefined ? socket : { ...socket, ...tls, tls: true },
  }
}
