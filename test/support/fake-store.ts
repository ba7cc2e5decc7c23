/** A queue store that a test holds in its hands: it keeps messages in lists, can fail, hang and be lost, and tells what was asked. */
import type { Message } from '../../src/protocol/message.ts'
import type {
  Binding,
  ExchangeDeclaration,
  QueueDeclaration,
  TransportFeatures,
} from '../../src/transport/transport.ts'
import type { QueueEntry, QueueStore, ReleaseOptions, StoredMessage } from '../../src/transport/virtual/store.ts'
import { deferred } from '../../src/util/deferred.ts'

type Verb =
  'putMany' | 'getMany' | 'ackMany' | 'releaseMany' | 'deleteQueue' | 'startConsuming' | 'stopConsuming' | 'close'

/** A message with a body and nothing else. */
export function plainMessage(body: string, properties: Message['properties'] = {}): Message {
  return { body, contentType: 'application/json', contentEncoding: 'utf-8', headers: {}, properties }
}

export class FakeStore implements QueueStore {
  readonly features: TransportFeatures = {
    delayed: false,
    fanout: true,
    priority: 'none',
    shared: false,
    events: 'topic',
    transient: true,
    fetches: true,
    once: false,
  }
  readonly #ended = deferred<Error | undefined>()
  readonly closed: Promise<Error | undefined> = this.#ended.promise
  /** `getMany q 10`, `ackMany a b` ... in the order in which they came. */
  readonly calls: string[] = []
  readonly waiting: QueueEntry[] = []
  readonly exchanges = new Map<string, ExchangeDeclaration>()
  bound: Binding[] = []
  readonly #failures = new Map<Verb, Error>()
  readonly #gates = new Map<Verb, Promise<undefined>>()
  #waiters: (() => void)[] = []

  /** The verb rejects from now on; undefined ends that. */
  fail(verb: Verb, error: Error | undefined): void {
    if (error === undefined) this.#failures.delete(verb)
    else this.#failures.set(verb, error)
  }

  /** The verb does not answer before the function that is returned was called. */
  hold(verb: Verb): () => void {
    const gate = deferred<undefined>()
    this.#gates.set(verb, gate.promise)
    return () => {
      this.#gates.delete(verb)
      gate.resolve(undefined)
    }
  }

  /** The store is gone. */
  lose(error: Error): void {
    this.#ended.resolve(error)
  }

  /** What was asked since the last look. */
  takeCalls(): string[] {
    return this.calls.splice(0)
  }

  async #asked(verb: Verb, what: string): Promise<void> {
    this.calls.push(`${verb} ${what}`.trim())
    await this.#gates.get(verb)
    const failure = this.#failures.get(verb)
    if (failure !== undefined) throw failure
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    this.exchanges.set(exchange.name, exchange)
  }

  async deleteExchange(name: string): Promise<void> {
    this.exchanges.delete(name)
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    this.calls.push(`getExchange ${name}`)
    return this.exchanges.get(name)
  }

  async declareQueue(_queue: QueueDeclaration): Promise<void> {
    // Queues are there without it.
  }

  async deleteQueue(name: string): Promise<number> {
    await this.#asked('deleteQueue', name)
    return 0
  }

  async bind(binding: Binding): Promise<void> {
    this.bound.push(binding)
  }

  async unbind(binding: Binding): Promise<void> {
    this.bound = this.bound.filter(({ queue }) => queue !== binding.queue)
  }

  async bindings(exchange?: string): Promise<readonly Binding[]> {
    return this.bound.filter((binding) => exchange === undefined || binding.exchange === exchange)
  }

  async putMany(entries: readonly QueueEntry[]): Promise<void> {
    await this.#asked('putMany', bodiesOf(entries))
    this.waiting.push(...entries)
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<StoredMessage[]> {
    // Taken before the answer is on its way, as from a server.
    const taken: StoredMessage[] = []
    for (let index = 0; index < this.waiting.length && taken.length < max;) {
      const entry = this.waiting[index] as QueueEntry
      if (queues.includes(entry.queue)) {
        this.waiting.splice(index, 1)
        taken.push({ ...entry, handle: {}, redelivered: false })
      } else {
        index += 1
      }
    }
    await this.#asked('getMany', `${queues.join()} ${String(max)}${options.noAck ? ' noAck' : ''}`)
    return taken
  }

  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void> {
    this.calls.push(`wait ${queues.join()}`)
    if (this.waiting.some((entry) => queues.includes(entry.queue))) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
      signal.addEventListener('abort', () => resolve())
    })
  }

  async startConsuming(queue: string): Promise<void> {
    await this.#asked('startConsuming', queue)
  }

  async stopConsuming(queue: string): Promise<void> {
    await this.#asked('stopConsuming', queue)
  }

  async ackMany(messages: readonly StoredMessage[]): Promise<void> {
    await this.#asked('ackMany', bodiesOf(messages))
  }

  async releaseMany(messages: readonly StoredMessage[], { redelivered, dueMs }: ReleaseOptions): Promise<void> {
    const due = dueMs === undefined ? '' : ` due ${String(dueMs)}`
    await this.#asked('releaseMany', bodiesOf(messages) + (redelivered ? ' redelivered' : '') + due)
  }

  async size(queue: string): Promise<number> {
    return this.waiting.filter((entry) => entry.queue === queue).length
  }

  async ripen(_queue: string): Promise<void> {}

  async purge(_queue: string): Promise<number> {
    return this.waiting.splice(0).length
  }

  async close(): Promise<void> {
    await this.#asked('close', '')
    this.#ended.resolve(undefined)
  }
}

function bodiesOf(messages: readonly { readonly message: Message }[]): string {
  return messages.map(({ message }) => String(message.body)).join()
}
