/** The components of one worker: started in order, stopped in the other; likewise on each connection. */
import { isChannelError } from '../messaging/failure.ts'
import type { Connection } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Component, ComponentHost, Undo } from './component.ts'

/** Between two attempts to attach a component: as long as between two attempts to connect. */
const WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }

/** The list of one worker. */
export class Components {
  readonly #all: readonly Component[]
  readonly #host: ComponentHost
  #started: { readonly component: Component; readonly undo: Undo }[] = []

  constructor(all: readonly Component[], host: ComponentHost) {
    this.#all = all
    this.#host = host
  }

  /** Start all. Where one fails, those before it are stopped. Rejects with its error. */
  async start(): Promise<void> {
    try {
      for (const component of this.#all) {
        const undo = await component.start?.(this.#host)
        if (undo !== undefined) this.#started.push({ component, undo })
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Stop what was started. One that fails does not keep the others running. May be called twice. */
  async stop(): Promise<void> {
    const started = this.#started.reverse()
    this.#started = []
    for (const { component, undo } of started) await this.#undo(component, undo)
  }

  /**
   * Attach all to this connection, until `over` is aborted; answers how to detach them. One that the broker refuses is
   * asked again later: RabbitMQ keeps the mailbox of a connection that went silent until it has noticed, and tasks need
   * not wait for that. Rejects with any other error.
   */
  async attach(connection: Connection, over: AbortSignal): Promise<() => Promise<void>> {
    const attached: { readonly component: Component; readonly undo: Promise<Undo | undefined> }[] = []
    const detaching = new AbortController()
    const signal = AbortSignal.any([over, detaching.signal])
    const detach = async (): Promise<void> => {
      detaching.abort()
      for (const { component, undo } of attached.reverse()) await this.#undo(component, await undo)
    }
    try {
      for (const component of this.#all) {
        if (component.attach === undefined) continue
        try {
          const undo = await component.attach(connection, this.#host)
          attached.push({ component, undo: Promise.resolve(undo ?? undefined) })
        } catch (error) {
          if (!isChannelError(error)) throw error
          this.#host.app.logger.warning(`Without ${component.name} for now; trying again: ${error.message}`)
          attached.push({ component, undo: this.#attachLater(component, connection, signal) })
        }
      }
      return detach
    } catch (error) {
      await detach()
      throw error
    }
  }

  async #attachLater(component: Component, connection: Connection, over: AbortSignal): Promise<Undo | undefined> {
    const { clock, logger } = this.#host.app
    for (let attempt = 0; ; attempt += 1) {
      await pause(clock, waitBefore(attempt, WAIT), over)
      if (over.aborted) return undefined
      try {
        return (await component.attach?.(connection, this.#host)) ?? undefined
      } catch (error) {
        logger.debug(`Still without ${component.name}`, { error })
      }
    }
  }

  async #undo(component: Component, undo: Undo | undefined): Promise<void> {
    try {
      await undo?.()
    } catch (error) {
      this.#host.app.logger.warning(`The component "${component.name}" could not stop in order`, { error })
    }
  }
}
