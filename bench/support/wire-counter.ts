/** How many commands pass on a connection, read from its bytes as they come: Redis' commands, or AMQP's methods. */

export type Wire = 'redis' | 'amqp'

export interface CommandCounter {
  /** Answers how many commands begin in these bytes. */
  count(chunk: Buffer): number
}

export function createCounter(wire: Wire): CommandCounter {
  return wire === 'redis' ? new RedisCounter() : new AmqpCounter()
}

/** Reads heads, and skips what they announce. */
abstract class HeadCounter implements CommandCounter {
  /** So many bytes are no head. */
  protected skip = 0
  protected commands = 0

  count(chunk: Buffer): number {
    this.commands = 0
    for (let at = 0; at < chunk.length;) {
      const skipped = Math.min(this.skip, chunk.length - at)
      this.skip -= skipped
      at += skipped
      if (at < chunk.length) at = this.readHead(chunk, at)
    }
    return this.commands
  }

  /** Read on in a head, which may have begun in the chunk before. Answers where it left off. */
  protected abstract readHead(chunk: Buffer, at: number): number
}

/** `*2\r\n$4\r\nPING\r\n...`: a line that begins with an asterisk is a command, one with a dollar tells how much to skip. */
class RedisCounter extends HeadCounter {
  #line = ''

  protected readHead(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf('\n', at)
    const end = newline === -1 ? chunk.length : newline
    this.#line += chunk.toString('latin1', at, end)
    if (newline === -1) return end
    if (this.#line.startsWith('*')) this.commands += 1
    if (this.#line.startsWith('$')) this.skip = Number.parseInt(this.#line.slice(1), 10) + 2
    this.#line = ''
    return end + 1
  }
}

const FRAME_HEAD = 7
const METHOD = 1
const AMQP_GREETING = 'AMQP'.charCodeAt(0)

/** Frames: type, channel, size, the payload, one byte at the end. Methods are of type 1. */
class AmqpCounter extends HeadCounter {
  readonly #head: Buffer = Buffer.alloc(FRAME_HEAD)
  #have = 0

  protected readHead(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#head, this.#have, at, at + FRAME_HEAD - this.#have)
    this.#have += copied
    if (this.#have < FRAME_HEAD) return at + copied
    this.#have = 0
    // A client begins with eight bytes that are no frame.
    if (this.#head[0] === AMQP_GREETING) {
      this.skip = 1
    } else {
      if (this.#head[0] === METHOD) this.commands += 1
      this.skip = this.#head.readUInt32BE(3) + 1
    }
    return at + copied
  }
}
