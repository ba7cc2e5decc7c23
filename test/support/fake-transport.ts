/** A transport that a test holds in its hands: connections that fail, hang and are lost, channels that tell what was asked. */
import { ConnectionError } from '../../src/errors.ts'
import { TransportRegistry } from '../../src/transport/registry.ts'
import type {
  Binding,
  Channel,
  Connection,
  Publication,
  QueueDeclaration,
  QueueStatus,
  Transport,
  TransportFeatures,
} from '../../src/transport/transport.ts'
import { deferred } from '../../src/util/deferred.ts'

const FEATURES: TransportFeatures = {
  delayed: true,
  fanout: true,
  priority: 'highest-first',
  shared: false,
  events: 'topic',
  transient: true,
  fetches: false,
  once: false,
}

/** Called with what was asked; throws or waits as the test likes. */
type Hook<T> = (asked: T) => void | Promise<void>

export class FakeTransport implements Transport {
  readonly name = 'fake'
  /** The URLs that were connected to. */
  readonly attempts: string[] = []
  readonly connections: FakeConnection[] = []
  /** The bodies of each `basicPublish` that was done. */
  readonly published: string[][] = []
  /** The queues that were declared. */
  readonly declared: string[] = []
  readonly calls: string[] = []
  onConnect: Hook<string> = () => undefined
  onPublish: Hook<readonly Publication[]> = () => undefined
  onDeclare: Hook<QueueDeclaration> = () => undefined
  onClose: Hook<undefined> = () => undefined

  async connect(url: string): Promise<Connection> {
    this.attempts.push(url)
    await this.onConnect(url)
    const connection = new FakeConnection(this)
    this.connections.push(connection)
    return connection
  }

  /** A registry in which `fake://` is this transport. */
  registry(): TransportRegistry {
    const registry = new TransportRegistry()
    registry.registerTransport('fake', async () => this)
    return registry
  }
}

export class FakeConnection implements Connection {
  readonly features: TransportFeatures = FEATURES
  readonly #ended = deferred<Error | undefined>()
  readonly closed: Promise<Error | undefined> = this.#ended.promise
  readonly transport: FakeTransport
  isOpen = true

  constructor(transport: FakeTransport) {
    this.transport = transport
  }

  async openChannel(): Promise<Channel> {
    this.transport.calls.push('openChannel')
    return new FakeChannel(this) as unknown as Channel
  }

  async close(): Promise<void> {
    this.isOpen = false
    this.#ended.resolve(undefined)
  }

  lose(error: Error): void {
    this.isOpen = false
    this.#ended.resolve(error)
  }
}

/** The verbs of a producer. */
class FakeChannel {
  readonly #connection: FakeConnection
  readonly #transport: FakeTransport

  constructor(connection: FakeConnection) {
    this.#connection = connection
    this.#transport = connection.transport
  }

  async exchangeDeclare(): Promise<void> {
    this.#checkOpen()
  }

  async queueDeclare(queue: QueueDeclaration): Promise<QueueStatus> {
    this.#checkOpen()
    await this.#transport.onDeclare(queue)
    this.#transport.declared.push(queue.name)
    return { name: queue.name, messages: 0, consumers: 0 }
  }

  async queueBind({ exchange }: Binding): Promise<void> {
    this.#checkOpen()
    this.#transport.calls.push(`queueBind ${exchange}`)
  }

  async basicPublish(publications: readonly Publication[]): Promise<void> {
    this.#checkOpen()
    this.#transport.calls.push(`basicPublish ${String(publications.length)}`)
    await this.#transport.onPublish(publications)
    this.#transport.published.push(publications.map(({ message }) => String(message.body)))
  }

  async close(): Promise<void> {
    this.#transport.calls.push('closeChannel')
    await this.#transport.onClose(undefined)
  }

  #checkOpen(): void {
    if (!this.#connection.isOpen) throw new ConnectionError('The connection was lost')
  }
}
