/** How many commands pass on a connection, read from its bytes as they come: Redis' commands, or AMQP's methods. */

export type Wire = 'redis' | 'amqp'

export interface CommandCounter {
  /** Answers how many commands begin in these bytes. */
  count(chunk: Buffer): number
}

export function createCounter(wire: Wire): CommandCounter {
  return wire === 'redis' ? new RedisCounter() : new AmqpCounter()
}

/** `*2\r\n$4\r\nPING\r\n...`: a line that begins with an asterisk is a command, one with a dollar tells how much to skip. */
class RedisCounter implements CommandCounter {
  #line = ''
  #skip = 0

  count(chunk: Buffer): number {
    let commands = 0
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= skipped
        at += skipped
        continue
      }
      const newline = chunk.indexOf('\n', at)
      const end = newline === -1 ? chunk.length : newline
      this.#line += chunk.toString('latin1', at, end)
      at = end + 1
      if (newline === -1) break
      if (this.#line.startsWith('*')) commands += 1
      if (this.#line.startsWith('$')) this.#skip = Number.parseInt(this.#line.slice(1), 10) + 2
      this.#line = ''
    }
    return commands
  }
}

const FRAME_HEAD = 7
const METHOD = 1
const AMQP_GREETING = 'AMQP'.charCodeAt(0)

/** Frames: type, channel, size, the payload, one byte at the end. Methods are of type 1. */
class AmqpCounter implements CommandCounter {
  readonly #head: Buffer = Buffer.alloc(FRAME_HEAD)
  #have = 0
  #skip = 0

  count(chunk: Buffer): number {
    let commands = 0
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= skipped
        at += skipped
        continue
      }
      const copied = chunk.copy(this.#head, this.#have, at, at + FRAME_HEAD - this.#have)
      this.#have += copied
      at += copied
      if (this.#have < FRAME_HEAD) break
      this.#have = 0
      // A client begins with eight bytes that are no frame.
      if (this.#head[0] === AMQP_GREETING) {
        this.#skip = 1
        continue
      }
      if (this.#head[0] === METHOD) commands += 1
      this.#skip = this.#head.readUInt32BE(3) + 1
    }
    return commands
  }
}
