/** Exchanges and bindings in Redis. What lies in the queues is `store.ts`. */
import type { RedisClient } from '../../driver/redis.ts'
import type { Binding, ExchangeDeclaration, ExchangeType } from '../transport.ts'
import { matchQueues } from '../virtual/exchange.ts'
import type { Keys } from './keys.ts'

export class Topology {
  readonly #client: RedisClient
  readonly #keys: Keys
  /** Exchanges as they were when they were last looked up. */
  readonly #known = new Map<string, ExchangeDeclaration>()

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Is it known to be a fanout exchange? Whoever publishes to one has looked it up. */
  isFanout(exchange: string): boolean {
    return exchange !== '' && this.#known.get(exchange)?.type === 'fanout'
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    const known = await this.getExchange(exchange.name)
    if (known === undefined || JSON.stringify(known) !== JSON.stringify(exchange)) {
      await this.#client.send([['HSET', this.#keys.exchanges, exchange.name, JSON.stringify(exchange)]])
    }
    this.#known.set(exchange.name, exchange)
  }

  async deleteExchange(name: string): Promise<void> {
    this.#known.delete(name)
    const { exchanges } = this.#keys
    await this.#client.transaction([
      ['HDEL', exchanges, name],
      ['DEL', this.#keys.bindings(name)],
    ])
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    const [text] = await this.#client.send([['HGET', this.#keys.exchanges, name]])
    return this.#note(name, text)
  }

  async bind(binding: Binding): Promise<void> {
    const member = this.#keys.bindingMember(binding, await this.#typeOf(binding.exchange))
    await this.#client.send([['SADD', this.#keys.bindings(binding.exchange), member]])
  }

  async unbind(binding: Binding): Promise<void> {
    const member = this.#keys.bindingMember(binding, await this.#typeOf(binding.exchange))
    await this.#client.send([['SREM', this.#keys.bindings(binding.exchange), member]])
  }

  /**
   * Bindings of one exchange, or of all. Of a fanout exchange only one: the server tells all who listen, and Python's
   * workers leave bindings behind that nobody removes.
   */
  async bindings(exchange: string | undefined): Promise<readonly Binding[]> {
    if (exchange === undefined) return this.#allBindings()
    const key = this.#keys.bindings(exchange)
    if (this.isFanout(exchange)) {
      const [member] = await this.#client.send([['SRANDMEMBER', key, 1]])
      return this.#read(exchange, member)
    }
    const [declaration, members] = await this.#client.send([
      ['HGET', this.#keys.exchanges, exchange],
      ['SMEMBERS', key],
    ])
    const bindings = this.#read(exchange, members)
    return this.#note(exchange, declaration)?.type === 'fanout' ? bindings.slice(0, 1) : bindings
  }

  /** The queues that a message reaches. As in kombu, an exchange that nobody declared is a direct one. */
  async route(exchange: string, routingKey: string): Promise<string[]> {
    if (exchange === '') return routingKey === '' ? [] : [routingKey]
    return matchQueues(await this.#typeOf(exchange), await this.bindings(exchange), routingKey)
  }

  async #typeOf(exchange: string): Promise<ExchangeType> {
    return (this.#known.get(exchange) ?? (await this.getExchange(exchange)))?.type ?? 'direct'
  }

  async #allBindings(): Promise<Binding[]> {
    const [names] = await this.#client.send([['HKEYS', this.#keys.exchanges]])
    const exchanges = texts(names)
    if (exchanges.length === 0) return []
    const sets = await this.#client.send(exchanges.map((name) => ['SMEMBERS', this.#keys.bindings(name)] as const))
    return exchanges.flatMap((name, index) => this.#read(name, sets[index]))
  }

  #read(exchange: string, members: unknown): Binding[] {
    return texts(members).flatMap((member) => {
      const binding = this.#keys.parseBinding(member)
      return binding === undefined ? [] : [{ exchange, ...binding }]
    })
  }

  #note(name: string, text: unknown): ExchangeDeclaration | undefined {
    const exchange = typeof text === 'string' ? (JSON.parse(text) as ExchangeDeclaration) : undefined
    if (exchange === undefined) this.#known.delete(name)
    else this.#known.set(name, exchange)
    return exchange
  }
}

function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
