/**
 * A TCP proxy that breaks connections as networks do: cut now, cut after so many bytes, stalled (half open: both ends
 * believe in it, nothing passes), refused, slow. Knows nothing of what passes through it.
 */
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { findFreePort } from './ports.ts'

/** Which way bytes go: `up` to the server, `down` to the client. */
export type Direction = 'up' | 'down'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Nothing passes any more. */
  abandoned: boolean
}

/** Connections of any number, to one server. */
export class FaultProxy {
  readonly port: number
  /** How long each piece is held before it is passed on, in milliseconds. */
  delayMs = 0
  readonly #target: number
  readonly #pairs = new Set<Pair>()
  #listening: Server | undefined
  #stalled = false
  /** Released by `resume`. */
  #held: (() => void)[] = []
  #cutAfter: { direction: Direction; bytes: number; done: () => void } | undefined

  constructor(port: number, target: number) {
    this.port = port
    this.#target = target
  }

  /** How many connections pass through it now. */
  get open(): number {
    return this.#pairs.size
  }

  /** The server's URL, by way of this proxy. */
  urlOf(url: string): string {
    return url.replace(`:${String(this.#target)}`, `:${String(this.port)}`)
  }

  /** Take connections, at first and after `refuse`. */
  async accept(): Promise<void> {
    if (this.#listening !== undefined) return
    const server = createServer({ allowHalfOpen: true }, (client) => {
      this.#join(client)
    })
    this.#listening = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
  }

  /** Cut all connections, and refuse new ones. */
  async refuse(): Promise<void> {
    const server = this.#listening
    this.#listening = undefined
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve()
      else
        server.close(() => {
          resolve()
        })
    })
    this.cut()
    await closed
  }

  /** Cut all connections, with a reset, as a firewall does. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#cutPair(pair)
  }

  /** Cut all connections when so many bytes more have passed in this direction. Resolves when that has happened. */
  cutAfter(bytes: number, direction: Direction): Promise<void> {
    return new Promise((done) => {
      this.#cutAfter = { direction, bytes, done }
    })
  }

  /** Let nothing pass any more, on connections of now and later, without closing any. */
  stall(): void {
    this.#stalled = true
  }

  /** Let nothing pass any more on the connections of now, without closing any. New ones are as they were. */
  abandon(): void {
    for (const pair of this.#pairs) pair.abandoned = true
  }

  /** Let pass again what was stalled. */
  resume(): void {
    this.#stalled = false
    const held = this.#held
    this.#held = []
    for (const release of held) release()
  }

  /** Cut all, and refuse from then on. */
  async close(): Promise<void> {
    this.#cutAfter = undefined
    await this.refuse()
    this.resume()
  }

  #join(client: Socket): void {
    const server = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true })
    const pair: Pair = { client, server, abandoned: false }
    this.#pairs.add(pair)
    this.#pass(client, server, 'up', pair)
    this.#pass(server, client, 'down', pair)
  }

  #pass(from: Socket, to: Socket, direction: Direction, pair: Pair): void {
    from.setNoDelay(true)
    from.on('data', (bytes: Buffer) => {
      from.pause()
      void this.#deliver(bytes, to, direction, pair).then(() => from.resume())
    })
    // What one end does the other end sees, but not while nothing passes.
    from.on('end', () => {
      void this.#passage(pair).then(() => to.end())
    })
    from.on('error', () => {
      this.#cutPair(pair)
    })
    from.on('close', () => {
      void this.#passage(pair).then(() => {
        to.destroySoon()
        this.#pairs.delete(pair)
      })
    })
  }

  async #deliver(bytes: Buffer, to: Socket, direction: Direction, pair: Pair): Promise<void> {
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs))
    await this.#passage(pair)
    const limit = this.#cutAfter
    if (limit?.direction !== direction) {
      to.write(bytes)
      return
    }
    to.write(bytes.subarray(0, limit.bytes))
    limit.bytes -= bytes.length
    if (limit.bytes > 0) return
    this.#cutAfter = undefined
    // What was written before is to arrive.
    setImmediate(() => {
      this.cut()
      limit.done()
    })
  }

  #passage(pair: Pair): Promise<void> {
    if (pair.abandoned) return new Promise(() => undefined)
    if (!this.#stalled) return Promise.resolve()
    return new Promise((resolve) => this.#held.push(resolve))
  }

  #cutPair(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }
}

/** A proxy on a free port before the server on port `target`. The caller closes it. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const proxy = new FaultProxy(await findFreePort(), target)
  await proxy.accept()
  return proxy
}
