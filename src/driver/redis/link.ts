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
import { Patience } from './patience.ts'

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
  readonly #patience: Patience
  #healthCheck: Timer | undefined

  constructor(client: LibraryClient, parts: LinkParts) {
    this.place = placeOf(parts.address)
    this.#client = client
    this.#bytes = client.withTypeMapping({ [parts.library.RESP_TYPES.BLOB_STRING]: Buffer })
    this.#parts = parts
    const { clock, socketTimeoutMs } = parts
    this.#patience = new Patience(clock, socketTimeoutMs, () => {
      const seconds = String(socketTimeoutMs / 1000)
      this.end(explainLoss(new Error(`it did not answer within ${seconds} seconds`), this.place))
    })
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

  /**
   * See `RedisClient.send`. What is sent in one turn of the event loop leaves in one write. The package's own pipelines
   * do no more than that, for seven times as many promises.
   */
  send(commands: readonly RedisCommand[], options: RedisReplyOptions = {}): Promise<RedisReply[]> {
    if (commands.length === 0) return Promise.resolve([])
    if (this.#loss !== undefined) return Promise.reject(this.#loss)
    const { bytes = false, blockMs = 0 } = options
    const client = bytes ? this.#bytes : this.#client
    return new Promise((resolve, reject) => {
      const replies: RedisReply[] = []
      let missing = commands.length
      let failure: unknown
      const settle = (): void => {
        missing -= 1
        if (missing > 0) return
        this.#patience.end(blockMs)
        if (failure === undefined) resolve(replies)
        else reject(this.#explain(failure))
      }
      // They come in the order of the commands.
      const take = (reply: unknown): void => {
        replies.push(reply as RedisReply)
        settle()
      }
      const miss = (error: unknown): void => {
        failure ??= error
        settle()
      }
      this.#patience.begin(blockMs)
      for (const command of commands) client.sendCommand(encodable(command)).then(take, miss)
    })
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
  async do<T>(work: (client: LibraryClient) => Promise<T>): Promise<T> {
    if (this.#loss !== undefined) throw this.#loss
    this.#patience.begin(0)
    try {
      return await work(this.#client)
    } catch (error) {
      throw this.#explain(error)
    } finally {
      this.#patience.end(0)
    }
  }

  /** Waits for replies that are under way, then ends. */
  async close(): Promise<void> {
    await this.#patience.untilIdle()
    this.end()
  }

  /** Over, now: whoever waits for a reply gets the error. */
  end(error?: Error): void {
    if (this.#loss !== undefined) return
    this.#loss = explainLoss(error ?? new Error('it was closed'), this.place)
    this.#healthCheck?.cancel()
    this.#patience.stop()
    try {
      this.#client.destroy()
    } catch {
      // It is closed already, or was never open.
    }
    this.#closed.resolve(error)
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
      // An error ends the link, and that is all that was to be found out.
      if (this.#patience.idleMs >= healthCheckMs) this.send([['PING']]).catch(() => undefined)
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
    commandOptions: { timeout: undefined },
    socket: tls === undefined ? socket : { ...socket, ...tls, tls: true },
  }
}
