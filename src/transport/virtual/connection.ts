/** Connection over a QueueStore: opens channels, ends them together with the store, removes queues that go with it. */
import { deferred } from '../../util/deferred.ts'
import type { Channel, Connection, TransportFeatures } from '../transport.ts'
import { VirtualChannel } from './channel.ts'
import { QueueLifetimes } from './lifetimes.ts'
import type { QueueStore } from './store.ts'

export class VirtualConnection implements Connection {
  readonly features: TransportFeatures
  readonly closed: Promise<Error | undefined>
  readonly #store: QueueStore
  readonly #lifetimes = new QueueLifetimes()
  readonly #channels = new Set<VirtualChannel>()
  readonly #ended = deferred<Error | undefined>()
  #closing: Promise<void> | undefined
  /** Why it was lost, where it was. */
  #loss: Error | undefined

  /** The store belongs to this connection from now on and is closed with it. */
  constructor(store: QueueStore) {
    this.#store = store
    this.features = store.features
    this.closed = this.#ended.promise
    void store.closed.then((error) => {
      if (error !== undefined) this.#fail(error)
    })
  }

  async openChannel(): Promise<Channel> {
    const channel = new VirtualChannel({
      store: this.#store,
      lifetimes: this.#lifetimes,
      onError: (error) => {
        this.#fail(error)
      },
      onClose: () => {
        this.#channels.delete(channel)
      },
    })
    if (this.#closing !== undefined) await channel.abort(this.#loss)
    else this.#channels.add(channel)
    return channel
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await Promise.all([...this.#channels].map((channel) => channel.close()))
      for (const queue of this.#lifetimes.exclusive()) await this.#store.deleteQueue(queue)
    } finally {
      await this.#store.close()
      this.#ended.resolve(undefined)
    }
  }

  /** The store does not work any more: tell everybody, and let it give back what it still can. */
  #fail(error: unknown): void {
    if (this.#closing !== undefined) return
    const reason = error instanceof Error ? error : new Error(String(error))
    this.#loss = reason
    const aborts = [...this.#channels].map((channel) => channel.abort(reason))
    this.#channels.clear()
    this.#closing = Promise.all(aborts)
      .then(() => this.#store.close())
      .catch(() => undefined)
    this.#ended.resolve(reason)
  }
}
