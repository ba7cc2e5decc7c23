/** A broker in memory whose connections a test can cut. What was not acknowledged on them comes again, as it should. */
import { ConnectionError } from '../../src/errors.ts'
import { MemoryTransport } from '../../src/transport/memory.ts'
import type {
  Channel,
  Connection,
  Transport,
  TransportContext,
  TransportFeatures,
} from '../../src/transport/transport.ts'
import { deferred } from '../../src/util/deferred.ts'

/** The broker, and the test's hand on it. */
export class CutTransport implements Transport {
  readonly name = 'cut'
  readonly connections: CutConnection[] = []
  readonly #memory = new MemoryTransport()
  /** What connections say of themselves, besides what a broker in memory says. */
  features: Partial<TransportFeatures> = {}
  /** Called before a connection is made; one that throws refuses it. */
  onConnect: (url: string) => void | Promise<void> = () => undefined
  /** Called before each verb of a channel; one that throws lets it fail. */
  onVerb: (verb: string) => void | Promise<void> = () => undefined

  /** For `TransportRegistry.registerTransport`. */
  readonly load = (): Promise<Transport> => Promise.resolve(this)

  async connect(url: string, _options: unknown, context: TransportContext): Promise<Connection> {
    await this.onConnect(url)
    const connection = new CutConnection(await this.#memory.connect('memory://', {}, context), this)
    this.connections.push(connection)
    return connection
  }

  /** How many connections are open. */
  get open(): number {
    return this.connections.filter(({ isOpen }) => isOpen).length
  }

  /** Cut all that is open. */
  async cut(): Promise<void> {
    await Promise.all(this.connections.filter(({ isOpen }) => isOpen).map((connection) => connection.cut()))
  }
}

/** One connection. */
export class CutConnection implements Connection {
  readonly closed: Promise<Error | undefined>
  readonly #inner: Connection
  readonly #transport: CutTransport
  readonly #ended = deferred<Error | undefined>()
  isOpen = true

  constructor(inner: Connection, transport: CutTransport) {
    this.#inner = inner
    this.#transport = transport
    this.closed = this.#ended.promise
  }

  get features(): TransportFeatures {
    return { ...this.#inner.features, ...this.#transport.features }
  }

  /** A channel that fails in every verb once the connection is cut. */
  async openChannel(): Promise<Channel> {
    const inner = await this.#inner.openChannel()
    return new Proxy(inner, {
      get: (channel, name: keyof Channel) => {
        const verb = channel[name]
        if (typeof verb !== 'function') return verb
        return async (...args: unknown[]): Promise<unknown> => {
          await this.#transport.onVerb(name)
          if (!this.isOpen && name !== 'close') throw new ConnectionError(`${name}: the connection was cut`)
          return (verb as (...all: unknown[]) => unknown).apply(channel, args)
        }
      },
    })
  }

  close(): Promise<void> {
    return this.#end(undefined)
  }

  cut(): Promise<void> {
    return this.#end(new ConnectionError('cut'))
  }

  async #end(error: Error | undefined): Promise<void> {
    this.isOpen = false
    await this.#inner.close()
    this.#ended.resolve(error)
  }
}
