/** One AMQP connection: made, watched and closed here; what is done on it is `channel.ts`. It never reconnects. */
import type { ConnectionOptions } from 'node:tls'
import { ImproperlyConfigured } from '../../errors.ts'
import type { Clock } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import { AmqpChannel } from './channel.ts'
import { explainConnectFailure, explainConnectionFailure } from './failure.ts'
import { loadAmqp } from './library.ts'
import type { AmqpLibrary, RawConnection, RawCredentials } from './library.ts'

/** How the client says who it is: SASL mechanisms that RabbitMQ has. */
export const LOGIN_METHODS = ['PLAIN', 'AMQPLAIN', 'EXTERNAL'] as const
export type LoginMethod = (typeof LOGIN_METHODS)[number]

export interface AmqpOptions {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly virtualHost: string
  /** Speak TLS, with these options of Node's. */
  readonly tls?: ConnectionOptions | undefined
  /** Seconds of silence after which either side sends a sign of life; after two without one the other is taken for dead. 0 is never. */
  readonly heartbeat: number
  readonly loginMethod: LoginMethod
  /** Shown by RabbitMQ's own tools. */
  readonly connectionName: string
}

/** A broker whose memory or disk runs out takes no publications: told with its reason, and with undefined at the end. */
export type OnBlocked = (reason: string | undefined) => void

const KEEP_ALIVE_MS = 10_000
/** So long a connection may take to say good-bye. */
const CLOSE_TIMEOUT_MS = 2000

/** Connect. Rejects with `ConnectionError`, or `ImproperlyConfigured` where the broker cannot be spoken to that way. */
export async function connectAmqp(options: AmqpOptions, clock: Clock): Promise<AmqpConnection> {
  const library = await loadAmqp('The broker scheme amqp')
  const { host, port, username, virtualHost, tls, heartbeat, connectionName } = options
  try {
    const raw = await library.connect(
      { protocol: tls === undefined ? 'amqp' : 'amqps', hostname: host, port, vhost: virtualHost, heartbeat },
      {
        ...tls,
        noDelay: true,
        keepAlive: true,
        keepAliveDelay: KEEP_ALIVE_MS,
        credentials: credentialsOf(library, options),
        clientProperties: { product: 'celeriac', connection_name: connectionName },
      },
    )
    return new AmqpConnection(raw, clock)
  } catch (error) {
    if (!(error instanceof Error) || error instanceof ImproperlyConfigured) throw error
    throw explainConnectFailure(error, username, virtualHost)
  }
}

/** A connection that is open, or was. */
export class AmqpConnection {
  /** Resolves when the connection is over: with the error that ended it, or undefined after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>
  readonly #raw: RawConnection
  readonly #clock: Clock
  readonly #ended = deferred<Error | undefined>()
  readonly #onBlocked = new Set<OnBlocked>()
  #failure: Error | undefined
  #blocked: Deferred<void> | undefined
  #isClosing = false
  #closing: Promise<void> | undefined

  /** Made by `connectAmqp`. */
  constructor(raw: RawConnection, clock: Clock) {
    this.#raw = raw
    this.#clock = clock
    this.closed = this.#ended.promise
    raw.on('error', (error) => {
      this.#failure ??= explainConnectionFailure(error)
    })
    raw.on('close', (error) => {
      this.#end(error)
    })
    raw.on('blocked', (reason) => {
      this.#blocked ??= deferred()
      for (const listener of this.#onBlocked) listener(reason)
    })
    raw.on('unblocked', () => {
      this.#unblock()
      for (const listener of this.#onBlocked) listener(undefined)
    })
  }

  /** The broker's version, such as `3.10.8`; undefined where it is not RabbitMQ. */
  get version(): string | undefined {
    const { product, version } = this.#raw.connection.serverProperties
    return product === 'RabbitMQ' && typeof version === 'string' ? version : undefined
  }

  /** Where the broker takes no publications now: resolves when it does again, or when the connection is over. */
  get blocked(): Promise<void> | undefined {
    return this.#blocked?.promise
  }

  /** Call `listener` when the broker stops taking publications, and when it takes them again. */
  onBlocked(listener: OnBlocked): void {
    this.#onBlocked.add(listener)
  }

  /** With `confirms` the broker answers each publication. Rejects with `ConnectionError` when the connection is over. */
  async openChannel({ confirms }: { readonly confirms: boolean }): Promise<AmqpChannel> {
    try {
      const raw = confirms ? await this.#raw.createConfirmChannel() : await this.#raw.createChannel()
      return new AmqpChannel(raw, () => this.#failure)
    } catch (error) {
      throw this.#failure ?? explainConnectionFailure(error instanceof Error ? error : undefined)
    }
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#failure !== undefined) return
    this.#isClosing = true
    // Nobody answers on a connection that is half open.
    const timer = this.#clock.after(CLOSE_TIMEOUT_MS, () => {
      this.#raw.connection.stream.destroy(new Error('The broker did not answer'))
      this.#end(undefined)
    })
    this.#raw.close().then(
      () => {
        this.#end(undefined)
      },
      () => {
        this.#end(undefined)
      },
    )
    await this.closed
    timer.cancel()
  }

  #end(error: Error | undefined): void {
    if (!this.#isClosing) this.#failure ??= explainConnectionFailure(error)
    this.#unblock()
    this.#ended.resolve(this.#isClosing ? undefined : this.#failure)
  }

  #unblock(): void {
    this.#blocked?.resolve()
    this.#blocked = undefined
  }
}

function credentialsOf({ credentials }: AmqpLibrary, options: AmqpOptions): RawCredentials {
  const { loginMethod, username, password } = options
  switch (loginMethod) {
    case 'PLAIN':
      return credentials.plain(username, password)
    case 'AMQPLAIN':
      return credentials.amqplain(username, password)
    case 'EXTERNAL':
      return credentials.external()
  }
}
