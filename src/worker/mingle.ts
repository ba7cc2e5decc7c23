/**
 * Mingle (Celery's word): before the first task is taken from a connection, the worker asks its neighbours what it has
 * missed: which tasks are revoked, and how far the logical clock is. They learn what it knows in the same step. Nobody is
 * waited for who is not there, where the broker counts whom it has reached; elsewhere a second.
 */
import type { BrokerConnection } from '../messaging/connection.ts'
import { decodeRevoked, encodeRevoked } from '../protocol/control.ts'
import type { Connection } from '../transport/transport.ts'
import { isRecord } from '../util/record.ts'
import type { Component, ComponentHost } from './component.ts'

/** As long as Celery waits. */
const TIMEOUT_MS = 1000

export class Mingle implements Component {
  readonly name = 'mingle'
  readonly #broker: BrokerConnection

  /** The question leaves on this connection, which is the one that it is attached to. */
  constructor(broker: BrokerConnection) {
    this.#broker = broker
  }

  /** Nobody listens under this worker's name yet, so a reply in that name tells of another one. */
  async attach(connection: Connection, worker: ComponentHost): Promise<undefined> {
    if (!connection.features.fanout) return
    const { app, facts, state } = worker
    const { logger } = app
    logger.info('mingle: searching for neighbors')
    const hello = { from_node: facts.hostname, revoked: encodeRevoked(state.revoked.values()) }
    const replies = await app
      .createMailbox(this.#broker)
      .ask({ method: 'hello', arguments: hello, timeoutMs: TIMEOUT_MS })
    const neighbours = replies.flatMap((reply) => Object.entries(reply))
    if (neighbours.some(([name]) => name === facts.hostname)) {
      logger.warning(
        `There is another worker named ${facts.hostname}: give each a name of its own (--hostname), for what is said ` +
          'to one of them reaches both',
      )
    }
    const answers = neighbours.flatMap(([, answer]) => (isRecord(answer) && !('error' in answer) ? [answer] : []))
    for (const answer of answers) for (const id of decodeRevoked(answer['revoked'])) state.revoked.add(id)
    if (answers.length === 0) logger.info('mingle: all alone')
    else logger.info(`mingle: sync with ${String(answers.length)} nodes`)
  }
}
