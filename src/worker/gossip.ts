/**
 * Gossip (Celery's word): the worker listens to the events of the others, and so knows who is there, who has left and who
 * was lost, follows their logical clock, and notices another one of its own name. Elections are held this way too.
 */
import type { App } from '../app/app.ts'
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { ReceivedEvent } from '../events/listener.ts'
import type { State } from '../events/state.ts'
import type { SignatureLike } from '../canvas/options.ts'
import type { NodeFacts } from '../signals.ts'
import type { Connection } from '../transport/transport.ts'
import type { Timer } from '../util/clock.ts'
import type { Component, ComponentHost, Undo } from './component.ts'
import { Elections } from './election.ts'

/** Which events are listened to. */
const WORKER_EVENTS = 'worker.#'
/** What was not heard by then is of no use, in seconds. */
const QUEUE_TTL = 2
/** How often those who say nothing any more are looked for, in milliseconds. */
const PRUNE_INTERVAL_MS = 5000

export class Gossip implements Component {
  readonly name = 'gossip'
  readonly #events: EventDispatcher
  #elections: Elections | undefined
  /** Another worker of this name was told of. */
  #isWarned = false

  constructor(events: EventDispatcher) {
    this.#events = events
  }

  /** Take part in an election (`app.control.election`). Nothing happens where there is no gossip. */
  election(id: string, topic: string, action: unknown): void {
    this.#elections?.begin(id, topic, action)
  }

  /** Listen, where a word to all costs the broker next to nothing. */
  async attach(connection: Connection, worker: ComponentHost): Promise<Undo | undefined> {
    const { shared, transient, fanout } = connection.features
    if (!shared || !transient || !fanout) return undefined
    const { app, facts } = worker
    const { logger } = app
    const tell = (signal: 'node-join' | 'node-leave' | 'node-lost', node: NodeFacts['node']): void => {
      if (app.signals.has(signal)) void app.signals.send(signal, { hostname: facts.hostname, node })
    }
    const state = app.events.state({
      maxTasksInMemory: 1,
      onNodeJoin: ({ hostname }) => {
        logger.debug(`${hostname} joined the party`)
        tell('node-join', hostname)
      },
      onNodeLeave: ({ hostname }) => {
        logger.debug(`${hostname} left`)
        tell('node-leave', hostname)
      },
    })
    const elections = new Elections({
      self: `${facts.hostname}.${String(process.pid)}`,
      events: this.#events,
      voters: () => state.aliveWorkers().length + 1,
      topics: { task: (action) => callSignature(app, action) },
      logger,
    })
    const listener = app.events.listener({ routingKey: WORKER_EVENTS, queueTtl: QUEUE_TTL })
    const listening = await listener.listen(connection, (event) => {
      this.#hear(event, state, elections, worker)
    })
    const stopPruning = this.#prune(state, worker, (hostname) => {
      logger.info(`missed heartbeat from ${hostname}`)
      tell('node-lost', hostname)
    })
    this.#elections = elections
    void connection.closed.then(stopPruning)
    return async () => {
      stopPruning()
      await listening.stop()
    }
  }

  #hear(event: ReceivedEvent, state: State, elections: Elections, worker: ComponentHost): void {
    if (event.type === 'worker-elect') elections.elect(event)
    else if (event.type === 'worker-elect-ack') elections.acknowledge(event)
    else if (event.hostname !== worker.facts.hostname) state.event(event)
    else if (event.pid !== undefined && event.pid !== process.pid) this.#warn(worker)
  }

  #warn({ app, facts }: ComponentHost): void {
    if (this.#isWarned) return
    this.#isWarned = true
    app.logger.warning(`Another worker sends events as ${facts.hostname}: give each a name of its own (--hostname)`)
  }

  #prune(state: State, { app }: ComponentHost, onLost: (hostname: string) => void): () => void {
    let timer: Timer
    const prune = (): void => {
      for (const { hostname, alive } of [...state.workers.values()]) {
        if (alive) continue
        state.forgetWorker(hostname)
        onLost(hostname)
      }
      timer = app.clock.after(PRUNE_INTERVAL_MS, prune)
    }
    timer = app.clock.after(PRUNE_INTERVAL_MS, prune)
    return () => {
      timer.cancel()
    }
  }
}

/** What an election about a task is for. Rejects with `InvalidTaskError` for what is no signature. */
async function callSignature(app: App, action: unknown): Promise<void> {
  await app.signature(action as SignatureLike).applyAsync()
}
