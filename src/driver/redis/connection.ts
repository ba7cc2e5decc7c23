/** A Redis client over one server: commands over one connection, subscriptions over a second, duplicates over more. */
import { createHash } from 'node:crypto'
import { OperationalError } from '../../errors.ts'
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
import { replyCode } from './failure.ts'
import { openLink } from './link.ts'
import type { Link, LinkParts } from './link.ts'
import { Subscriptions } from './subscriptions.ts'

/** Redis tells changes on this channel. */
const INVALIDATIONS = '__redis__:invalidate'

/** Connect to one server. Rejects as `openLink` does. */
export async function openConnection(parts: LinkParts): Promise<ServerConnection> {
  return new ServerConnection(await openLink(parts), parts)
}

/** Made by `openConnection`. */
export class ServerConnection implements RedisClient {
  readonly isCluster = false
  readonly #link: Link
  readonly #parts: LinkParts
  readonly #subscriptions: Subscriptions
  readonly #duplicates = new Set<ServerConnection>()
  readonly #hashes = new Map<RedisScript, string>()
  /** The number that the server has given to the connection of the subscriptions. */
  #listenerId: number | undefined
  #closing: Promise<void> | undefined

  constructor(link: Link, parts: LinkParts) {
    this.#link = link
    this.#parts = parts
    this.#subscriptions = new Subscriptions(() => this.#openSubscriptions())
    void link.closed.then(() => this.#endOthers())
  }

  get closed(): Promise<Error | undefined> {
    return this.#link.closed
  }

  send(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]> {
    return this.#link.send(commands, options)
  }

  transaction(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]> {
    return this.#link.transaction(commands, options)
  }

  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: RedisReplyOptions,
  ): Promise<RedisReply> {
    const rest = [keys.length, ...keys, ...args]
    try {
      const [reply] = await this.send([['EVALSHA', this.#hashOf(script), ...rest]], options)
      return reply ?? null
    } catch (error) {
      // The server was restarted, or told to forget its scripts. Nothing of it has run.
      if (replyCode(error) !== 'NOSCRIPT') throw explainScript(error, script)
    }
    const [reply] = await this.send([['EVAL', script.lua, ...rest]], options).catch((error: unknown) => {
      throw explainScript(error, script)
    })
    return reply ?? null
  }

  subscribe(
    channels: readonly string[],
    listener: RedisListener<never>,
    options?: { readonly bytes?: boolean },
  ): Promise<Unsubscribe> {
    return this.#subscriptions.add('channels', channels, listener, options)
  }

  psubscribe(
    patterns: readonly string[],
    listener: RedisListener<never>,
    options?: { readonly bytes?: boolean },
  ): Promise<Unsubscribe> {
    return this.#subscriptions.add('patterns', patterns, listener, options)
  }

  async track(onChange: (keys?: readonly string[]) => void): Promise<void> {
    // The one channel whose messages are lists; after FLUSHALL there is none.
    const onMessage = (_channel: string, keys: readonly Buffer[] | null): void => {
      if (Array.isArray(keys)) onChange(keys.map(String))
      else onChange()
    }
    await this.#subscriptions.add('channels', [INVALIDATIONS], onMessage, { bytes: true })
    if (this.#listenerId === undefined) throw new OperationalError(`Redis at ${this.#link.place} tells no changes`)
    await this.send([['CLIENT', 'TRACKING', 'ON', 'REDIRECT', this.#listenerId, 'NOLOOP']])
  }

  async duplicate(): Promise<ServerConnection> {
    const duplicate = await openConnection(this.#parts)
    this.#duplicates.add(duplicate)
    void duplicate.closed.then(() => this.#duplicates.delete(duplicate))
    if (this.#closing !== undefined) await duplicate.close()
    return duplicate
  }

  close(): Promise<void> {
    this.#closing ??= this.#link.close()
    return this.#closing
  }

  async #openSubscriptions(): Promise<Link> {
    const link = await openLink(this.#parts)
    // While it listens it may not be asked.
    const [id] = await link.send([['CLIENT', 'ID']]).catch(() => [])
    this.#listenerId = typeof id === 'number' ? id : undefined
    void link.closed.then((error) => {
      this.#link.end(error)
    })
    if (this.#closing !== undefined) link.end()
    return link
  }

  async #endOthers(): Promise<void> {
    this.#closing ??= Promise.resolve()
    for (const duplicate of this.#duplicates) void duplicate.close()
    await this.#subscriptions.close()
  }

  #hashOf(script: RedisScript): string {
    const known = this.#hashes.get(script)
    if (known !== undefined) return known
    const hash = createHash('sha1').update(script.lua).digest('hex')
    this.#hashes.set(script, hash)
    return hash
  }
}

/** An error that a script itself has made says which script it was. */
function explainScript(error: unknown, { name }: RedisScript): unknown {
  if (replyCode(error) !== 'ERR') return error
  return new OperationalError(`The script ${name} failed: ${(error as Error).message}`, {
    cause: (error as Error).cause,
  })
}
