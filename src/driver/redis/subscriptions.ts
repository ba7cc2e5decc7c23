/** Who listens on which channels and patterns, over one connection that is made when it is first needed. */
import type { RedisListener, Unsubscribe } from './client.ts'
import type { LibraryClient } from './library.ts'
import type { Link } from './link.ts'

/** The two ways to say where messages come from. */
export type SubscriptionKind = 'channels' | 'patterns'

/** One call of `subscribe`. */
interface Subscription {
  readonly tell: (channel: string, payload: Buffer) => void
}

/** All subscriptions of one client. */
export class Subscriptions {
  readonly #open: () => Promise<Link>
  readonly #listeners: Readonly<Record<SubscriptionKind, Map<string, Set<Subscription>>>> = {
    channels: new Map(),
    patterns: new Map(),
  }
  readonly #patternListeners = new Map<string, (payload: Buffer, channel: Buffer) => void>()
  #link: Promise<Link> | undefined

  /** `open` makes the connection. */
  constructor(open: () => Promise<Link>) {
    this.#open = open
  }

  /** See `RedisClient.subscribe`. Names that somebody listens to already cost nothing. */
  async add(
    kind: SubscriptionKind,
    names: readonly string[],
    listener: RedisListener<never>,
    { bytes = false }: { readonly bytes?: boolean } = {},
  ): Promise<Unsubscribe> {
    const link = await (this.#link ??= this.#start())
    const tell = (channel: string, payload: Buffer): void => {
      listener(channel, (bytes ? payload : payload.toString()) as never)
    }
    const subscription: Subscription = { tell }
    const fresh = this.#enter(kind, subscription, names)
    try {
      // Also where all names are known: another call may have asked for them just now, and is not confirmed yet.
      await link.do((client) => this.#subscribe(client, kind, fresh.length === 0 ? names : fresh))
    } catch (error) {
      this.#leave(kind, subscription, names)
      throw error
    }
    return (some = names) => this.#remove(link, kind, subscription, some)
  }

  /** Ends the connection, if there is one. */
  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined)
    link?.end()
  }

  #start(): Promise<Link> {
    const link = this.#open()
    link.catch(() => {
      this.#link = undefined
    })
    return link
  }

  /** Answers the names that nobody has listened to. */
  #enter(kind: SubscriptionKind, subscription: Subscription, names: readonly string[]): string[] {
    const listeners = this.#listeners[kind]
    const fresh: string[] = []
    for (const name of names) {
      const others = listeners.get(name)
      if (others === undefined) {
        listeners.set(name, new Set([subscription]))
        fresh.push(name)
      } else {
        others.add(subscription)
      }
    }
    return fresh
  }

  /** Answers the names that nobody listens to any more. */
  #leave(kind: SubscriptionKind, subscription: Subscription, names: readonly string[]): string[] {
    const listeners = this.#listeners[kind]
    return names.filter((name) => {
      const others = listeners.get(name)
      if (others?.delete(subscription) !== true || others.size > 0) return false
      return listeners.delete(name)
    })
  }

  async #remove(
    link: Link,
    kind: SubscriptionKind,
    subscription: Subscription,
    some: readonly string[],
  ): Promise<void> {
    const names = this.#leave(kind, subscription, some)
    if (names.length === 0) return
    // A connection that is over listens to nothing.
    await link.do((client) => this.#unsubscribe(client, kind, names)).catch(() => undefined)
  }

  async #subscribe(client: LibraryClient, kind: SubscriptionKind, names: readonly string[]): Promise<void> {
    if (kind === 'channels') return client.subscribe([...names], this.#onMessage, true)
    await Promise.all(names.map((name) => client.pSubscribe([name], this.#onPattern(name), true)))
  }

  async #unsubscribe(client: LibraryClient, kind: SubscriptionKind, names: readonly string[]): Promise<void> {
    if (kind === 'channels') return client.unsubscribe([...names], this.#onMessage, true)
    await Promise.all(names.map((name) => client.pUnsubscribe([name], this.#onPattern(name), true)))
    for (const name of names) if (!this.#listeners.patterns.has(name)) this.#patternListeners.delete(name)
  }

  readonly #onMessage = (payload: Buffer, channel: Buffer): void => {
    const name = channel.toString()
    for (const { tell } of this.#listeners.channels.get(name) ?? []) tell(name, payload)
  }

  /** The package does not say which pattern it was, so each has its own listener. */
  #onPattern(pattern: string): (payload: Buffer, channel: Buffer) => void {
    const known = this.#patternListeners.get(pattern)
    if (known !== undefined) return known
    const listener = (payload: Buffer, channel: Buffer): void => {
      const name = channel.toString()
      for (const { tell } of this.#listeners.patterns.get(pattern) ?? []) tell(name, payload)
    }
    this.#patternListeners.set(pattern, listener)
    return listener
  }
}
