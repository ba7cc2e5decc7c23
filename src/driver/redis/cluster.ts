/**
 * A Redis client over a cluster: each command goes to the node that has its key, all nodes are asked at once, and a node
 * that has given a key away says so. As with one server, a connection that is lost ends the whole.
 */
import { ConnectionError } from '../../errors.ts'
import { asError } from '../../util/as-error.ts'
import { deferred } from '../../util/deferred.ts'
import type {
  RedisArgument,
  RedisClient,
  RedisCommand,
  RedisListener,
  RedisReply,
  RedisReplyOptions,
  RedisScript,
  Unsubscribe,
} from './client.ts'
import { openConnection } from './connection.ts'
import type { ServerConnection } from './connection.ts'
import { explainLoss } from './failure.ts'
import type { LinkParts } from './link.ts'
import { placeOf } from './options.ts'
import type { RedisAddress } from './options.ts'
import { slotOf } from './slots.ts'

/** Rejects with `ConnectionError` where none of the nodes can be reached. */
export async function openCluster(addresses: readonly RedisAddress[], parts: LinkParts): Promise<Cluster> {
  const failures: Error[] = []
  for (const address of addresses) {
    try {
      const cluster = new Cluster({ ...parts, address })
      await cluster.readSlots()
      return cluster
    } catch (error) {
      failures.push(asError(error))
    }
  }
  const reasons = failures.map((failure) => failure.message).join('; ')
  throw new ConnectionError(`No node of the Redis cluster can be reached: ${reasons}`, { cause: failures[0] })
}

/** Commands whose first argument is no key; they go to any node. */
const WITHOUT_KEY: ReadonlySet<string> = new Set([
  'PING',
  'TIME',
  'INFO',
  'CLIENT',
  'SCRIPT',
  'CLUSTER',
  'CONFIG',
  'ROLE',
])
const SCRIPTS: ReadonlySet<string> = new Set(['EVAL', 'EVALSHA'])
const MAX_REDIRECTIONS = 8

/** Where a node says that a key is. */
interface Redirection {
  readonly address: RedisAddress
  readonly slot: number
  /** For this once: the key is on its way. */
  readonly isAsking: boolean
}

/** Made by `openCluster`. */
export class Cluster implements RedisClient {
  readonly isCluster = true
  readonly #parts: LinkParts
  readonly #closed = deferred<Error | undefined>()
  readonly #nodes = new Map<string, Promise<ServerConnection>>()
  readonly #slots: (RedisAddress | undefined)[] = []
  readonly #duplicates = new Set<Cluster>()
  #isOver = false

  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  get closed(): Promise<Error | undefined> {
    return this.#closed.promise
  }

  /** Learn which node has which slots. */
  async readSlots(): Promise<void> {
    const node = await this.#nodeAt(this.#parts.address)
    const [ranges] = await node.send([['CLUSTER', 'SLOTS']])
    for (const range of (ranges ?? []) as [number, number, [string, number]][]) {
      const [start, end, [host, port]] = range
      // An empty host is the one that was asked.
      const address = { host: host === '' ? this.#parts.address.host : host, port }
      for (let slot = start; slot <= end; slot += 1) this.#slots[slot] = address
    }
  }

  /** Commands fail one by one here: only those that a node refuses to do are sent again, to the node that it names. */
  async send(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]> {
    return Promise.all(
      commands.map(async (command) => {
        const [reply] = await this.#redirected(keyOf(command), (node, isAsking) =>
          sendOne(node, command, isAsking, options),
        )
        return reply ?? null
      }),
    )
  }

  transaction(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]> {
    const [first] = commands
    if (first === undefined) return Promise.resolve([])
    return this.#redirected(keyOf(first), (node) => node.transaction(commands, options))
  }

  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: RedisReplyOptions,
  ): Promise<RedisReply> {
    return this.#redirected(keys[0], (node) => node.run(script, keys, args, options))
  }

  /** Messages reach all nodes, so any node will do. */
  async subscribe(
    channels: readonly string[],
    listener: RedisListener<never>,
    options?: { readonly bytes?: boolean },
  ): Promise<Unsubscribe> {
    return (await this.#nodeAt(this.#parts.address)).subscribe(channels, listener, options)
  }

  async psubscribe(
    patterns: readonly string[],
    listener: RedisListener<never>,
    options?: { readonly bytes?: boolean },
  ): Promise<Unsubscribe> {
    return (await this.#nodeAt(this.#parts.address)).psubscribe(patterns, listener, options)
  }

  async track(onChange: (keys?: readonly string[]) => void, key?: string): Promise<void> {
    const node = await this.#nodeAt(this.#addressOf(key))
    await node.track(onChange)
  }

  async duplicate(): Promise<Cluster> {
    const duplicate = await openCluster([this.#parts.address], this.#parts)
    this.#duplicates.add(duplicate)
    void duplicate.closed.then(() => this.#duplicates.delete(duplicate))
    if (this.#isOver) await duplicate.close()
    return duplicate
  }

  async close(): Promise<void> {
    await this.#end(undefined)
  }

  async #end(error: Error | undefined): Promise<void> {
    const isFirst = !this.#isOver
    this.#isOver = true
    const others = [...this.#duplicates].map((duplicate) => duplicate.close())
    const nodes = [...this.#nodes.values()].map(async (node) => (await node.catch(() => undefined))?.close())
    await Promise.all([...others, ...nodes])
    if (isFirst) this.#closed.resolve(error)
  }

  /** Do `work` at the node that has the key; where that one sends us elsewhere, it has done nothing. */
  async #redirected<T>(
    key: string | undefined,
    work: (node: ServerConnection, isAsking: boolean) => Promise<T>,
  ): Promise<T> {
    let address = this.#addressOf(key)
    let isAsking = false
    for (let attempt = 1; ; attempt += 1) {
      const node = await this.#nodeAt(address)
      try {
        return await work(node, isAsking)
      } catch (error) {
        const redirection = attempt < MAX_REDIRECTIONS ? redirectionIn(error, address) : undefined
        if (redirection === undefined) throw error
        ;({ address, isAsking } = redirection)
        if (!isAsking) this.#slots[redirection.slot] = address
      }
    }
  }

  #addressOf(key: string | undefined): RedisAddress {
    return (key === undefined ? undefined : this.#slots[slotOf(key)]) ?? this.#parts.address
  }

  #nodeAt(address: RedisAddress): Promise<ServerConnection> {
    if (this.#isOver) return Promise.reject(explainLoss(new Error('it was closed'), placeOf(address)))
    const place = placeOf(address)
    const known = this.#nodes.get(place)
    if (known !== undefined) return known
    const node = this.#openNode(address)
    this.#nodes.set(place, node)
    node.catch((error: unknown) => this.#end(asError(error)))
    return node
  }

  async #openNode(address: RedisAddress): Promise<ServerConnection> {
    const node = await openConnection({ ...this.#parts, address })
    void node.closed.then((error) => this.#end(error))
    return node
  }
}

async function sendOne(
  node: ServerConnection,
  command: RedisCommand,
  isAsking: boolean,
  options: RedisReplyOptions | undefined,
): Promise<RedisReply[]> {
  if (!isAsking) return node.send([command], options)
  const [, reply] = await node.send([['ASKING'], command], options)
  return [reply ?? null]
}

function keyOf([name, ...args]: RedisCommand): string | undefined {
  const upper = name.toUpperCase()
  if (WITHOUT_KEY.has(upper)) return undefined
  const key = SCRIPTS.has(upper) ? (Number(args[1]) > 0 ? args[2] : undefined) : args[0]
  return key === undefined ? undefined : typeof key === 'object' ? Buffer.from(key).toString() : String(key)
}

/** `MOVED 3999 127.0.0.1:6381` and `ASK 3999 127.0.0.1:6381`. */
function redirectionIn(error: unknown, from: RedisAddress): Redirection | undefined {
  const reply = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  const match = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(reply)
  if (match === null) return undefined
  const [, kind, slot, host = '', port] = match
  const address = { host: host === '' ? from.host : host, port: Number(port) }
  return { address, slot: Number(slot), isAsking: kind === 'ASK' }
}
