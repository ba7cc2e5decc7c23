/**
 * Messages that a Python worker has held for longer than kombu's visibility timeout go back, as kombu's own workers give
 * them back (`QoS.restore_by_tag`): to every queue that their exchange and routing key reach.
 */
import type { RedisClient } from '../../driver/redis.ts'
import { decodeEnvelope } from '../../protocol/envelope.ts'
import type { Logger } from '../../util/logger.ts'
import type { Keys } from './keys.ts'
import { RECOVER, runScript } from './scripts.ts'
import type { Topology } from './topology.ts'

/** `[envelope, exchange, routing key]`, as Python's JSON or ours writes it. */
const NOTE = /^\[(.*), ?(null|"(?:[^"\\]|\\.)*"), ?(null|"(?:[^"\\]|\\.)*")\]$/s

export interface OverdueParts {
  readonly client: RedisClient
  readonly keys: Keys
  readonly topology: Topology
  readonly logger: Logger
}

/**
 * Give back the messages of these notes: tag and note by turns. What cannot be read, or reaches no queue, stays. Answers
 * how many went back.
 */
export async function recoverOverdue(parts: OverdueParts, notes: readonly string[], nowMs: number): Promise<number> {
  let recovered = 0
  for (let at = 0; at + 1 < notes.length; at += 2) {
    if (await recover(parts, notes[at] ?? '', notes[at + 1] ?? '', nowMs)) recovered += 1
  }
  if (recovered > 0) {
    parts.logger.warning(
      `Took back ${String(recovered)} messages that were held for longer than the visibility timeout`,
    )
  }
  return recovered
}

async function recover(parts: OverdueParts, tag: string, note: string, nowMs: number): Promise<boolean> {
  const { client, keys, logger } = parts
  const places = note === '' ? [] : await findPlaces(parts, note)
  if (note !== '' && places.length === 0) {
    logger.warning(
      `The message ${tag} was held for too long, and it reaches no queue; it stays among the unacknowledged`,
    )
    await client.send([['ZADD', keys.unackedIndex, 'XX', nowMs / 1000, tag]])
    return false
  }
  const envelope = NOTE.exec(note)?.[1] ?? ''
  return (await runScript(client, RECOVER, [keys.owners], [...keys.grammar, tag, envelope, ...places])) === 1
}

/** Queues and steps by turns. */
async function findPlaces({ keys, topology }: OverdueParts, note: string): Promise<(string | number)[]> {
  const [, envelope = '', exchange = '', routingKey = ''] = NOTE.exec(note) ?? []
  try {
    const step = keys.step(decodeEnvelope(envelope).message.properties.priority)
    const names = [JSON.parse(exchange), JSON.parse(routingKey)].map((name) => (typeof name === 'string' ? name : ''))
    const queues = await topology.route(names[0] ?? '', names[1] ?? '')
    return queues.flatMap((queue) => [queue, step])
  } catch {
    return []
  }
}
