/** What the worker's events need of its life: to leave when the broker is back, and before the worker has ended. */
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { Component, Undo } from './component.ts'

export class EventSending implements Component {
  readonly name = 'events'
  readonly #events: EventDispatcher

  constructor(events: EventDispatcher) {
    this.#events = events
  }

  start(): Undo {
    return () => this.#events.close()
  }

  /** What was kept while there was no connection leaves now; nobody waits for it. */
  attach(): Undo {
    void this.#events.flush()
    return () => this.#events.flush()
  }
}
