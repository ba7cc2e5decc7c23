/** What a Redis client is to the rest of celeriac: batches of commands, scripts and subscriptions. No server is named here. */

/** What a command is made of. Bytes are sent as they are, text as UTF-8. */
export type RedisArgument = string | number | Uint8Array
/** The name and what follows, such as `['SETEX', 'key', 60, 'value']`. */
export type RedisCommand = readonly [name: string, ...args: RedisArgument[]]
/** What a command answers. Values are text, with `bytes` they are Buffers; `OK` and the like are text always. */
export type RedisReply = string | number | null | Buffer | RedisReply[]

/** A Lua script. The server keeps it under its SHA-1; one that the server does not know is sent to it. */
export interface RedisScript {
  /** For people: errors say it. */
  readonly name: string
  readonly lua: string
}

/** How replies are read and waited for. */
export interface RedisReplyOptions {
  /** Values as Buffers. Default false: as text. */
  readonly bytes?: boolean
  /** The server may keep the reply back so long, in milliseconds: the time-out of a command that blocks. Default 0. */
  readonly blockMs?: number
}

/** Called with each message of a subscription. Calls of one client come in the order of the messages. */
export type RedisListener<Payload extends string | Buffer = string | Buffer> = (
  channel: string,
  payload: Payload,
) => void

/**
 * Ends a subscription, or that part of it that is for `names`. Resolves when the server has confirmed, or the connection is
 * over. May be called twice.
 */
export type Unsubscribe = (names?: readonly string[]) => Promise<void>

/** A connection to Redis. When it is lost it is over: nobody makes it anew but who called `connectRedis`. */
export interface RedisClient {
  /** Resolves when the connection is over: with the error that ended it, or undefined after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Is it a cluster? Then the keys of one script or transaction must share a hash tag. */
  readonly isCluster: boolean
  /**
   * All commands in one round trip; replies in their order. Rejects with `ConnectionError` when the connection is lost or
   * a reply does not come in time (which ends the connection), with `OperationalError` for the first error reply: what the
   * other commands did is done.
   */
  send(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]>
  /** The same as one transaction (MULTI and EXEC): nobody sees a part of it. */
  transaction(commands: readonly RedisCommand[], options?: RedisReplyOptions): Promise<RedisReply[]>
  /** Run a script in one round trip, two when the server does not know it yet. Rejects as `send` does. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: RedisReplyOptions,
  ): Promise<RedisReply>
  /**
   * Listen on channels, over a connection of its own that all subscriptions share, made when it is first needed.
   * Resolves when the server has confirmed. When that connection is lost, this one is over too.
   */
  subscribe(channels: readonly string[], listener: RedisListener<string>): Promise<Unsubscribe>
  subscribe(
    channels: readonly string[],
    listener: RedisListener<Buffer>,
    options: { readonly bytes: true },
  ): Promise<Unsubscribe>
  /** The same for patterns such as `/0.celeryev/*`; the listener is told the channel, not the pattern. */
  psubscribe(patterns: readonly string[], listener: RedisListener<string>): Promise<Unsubscribe>
  psubscribe(
    patterns: readonly string[],
    listener: RedisListener<Buffer>,
    options: { readonly bytes: true },
  ): Promise<Unsubscribe>
  /**
   * Have `onChange` called with the keys that were read over this connection, also by a script, and are changed by somebody
   * else (with nothing where that may be any of them); once a change, until it is read again. A change of one's own is not told, and what was read is forgotten with it. In a
   * cluster only of changes on the node that has `key` now: one that moves is not told of any more. Rejects with
   * `OperationalError` where the server cannot do it (before Redis 6).
   */
  track(onChange: (keys?: readonly string[]) => void, key?: string): Promise<void>
  /** A second connection of the same kind, for commands that block. It is closed with its parent. */
  duplicate(): Promise<RedisClient>
  /** May be called twice. Waits for replies that are under way, not for commands that block. */
  close(): Promise<void>
}
