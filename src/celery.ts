/** Celery: the app as users know it, with the floors above it: a worker and a beat inside the program. */
import { App } from './app/app.ts'
import { Beat } from './beat/beat.ts'
import type { BeatOptions } from './beat/beat.ts'
import { codeEntries } from './beat/code-entries.ts'
import { BeatStoreRegistry } from './beat/registry.ts'
import { Schedules } from './beat/schedules.ts'
import type { BeatStore } from './beat/store.ts'
import { Lazy } from './util/lazy.ts'
import { splitUrls } from './util/url.ts'
import { checkCommand, createCommands } from './worker/commands/all.ts'
import type { Command } from './worker/commands/command.ts'
import type { Component } from './worker/component.ts'
import { Worker } from './worker/worker.ts'
import type { WorkerOptions } from './worker/worker.ts'

/**
 * An app: its settings, its tasks, and the ways to call them and to work them.
 *
 *     export const app = new Celery('proj')
 *     export const add = app.task('proj.add', (x: number, y: number) => x + y)
 */
export class Celery extends App {
  /** What beats share, by the broker's URL scheme; register your own here. */
  readonly beatStores: BeatStoreRegistry = new BeatStoreRegistry()
  /** Beat's timetable: what is on it, and changes at run time. */
  readonly schedule: Schedules = new Schedules({
    entries: () => codeEntries(this),
    clock: this.clock,
    store: () => this.#beatStore.get(),
    timezone: async () => (await this.prepare()).timezone,
    send: (calls) => this.sendTasks(calls),
  })
  readonly #beatStore = new Lazy(() => this.#openBeatStore())
  readonly #components: Component[] = []
  readonly #commands: Command[] = []

  /** A worker inside this program; it does nothing before `start()`. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, {
      ...options,
      components: [...this.#components, ...(options.components ?? [])],
      commands: [...this.#commands, ...(options.commands ?? [])],
    })
  }

  /** A beat inside this program; it does nothing before `start()`. */
  beat(options: BeatOptions = {}): Beat {
    return new Beat(this, (filename) => this.#openBeatStore(filename), options)
  }

  /** Give each worker of this app one more part with a life of its own (Celery's bootsteps). */
  addWorkerComponent(component: Component): this {
    this.#components.push(component)
    return this
  }

  /**
   * Give each worker of this app one more remote control command (Celery's `inspect_command` and `control_command`); it
   * appears on the command line too. One of a standard command's name takes its place. Throws `ImproperlyConfigured` for a
   * command that cannot be.
   */
  addWorkerCommand(command: Command): this {
    this.#commands.push(checkCommand(command))
    return this
  }

  /** The remote control commands of this app's workers: the standard ones, and those that were added. */
  get workerCommands(): readonly Command[] {
    return createCommands(this.#commands)
  }

  override async close(): Promise<void> {
    try {
      await this.#beatStore.close()
    } finally {
      await super.close()
    }
  }

  async #openBeatStore(filename?: string): Promise<BeatStore> {
    const broker = await this.brokerOptions()
    const { beatScheduleFilename, beatScheduler } = this.conf.values
    const context = { scope: this.main, filename: filename ?? beatScheduleFilename }
    if (typeof beatScheduler === 'string' && beatScheduler.includes('://')) {
      const elsewhere = { ...broker, urls: beatScheduler, transportOptions: {} }
      return this.beatStores.open(beatScheduler, { ...context, broker: elsewhere })
    }
    if (beatScheduler !== null) {
      this.logger.warning('beatScheduler is no URL, such as redis://localhost/0: the timetable stays with the broker')
    }
    // All beats of an app must look at the same one, also while messages go to another: so it is always the first.
    const [url = ''] = splitUrls(broker.urls)
    return this.beatStores.open(url, { ...context, broker })
  }
}
