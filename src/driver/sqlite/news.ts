/**
 * News of a database: who wants to hear of it in this process, and how it comes from others. Mostly through the wake-up
 * file (`wake.ts`); below it lies a safety net, for a process may die between its commit and its wake-up.
 */
import type { SideFile } from './side-file.ts'
import { SQLITE_TOPICS, WakeUps } from './wake.ts'
import type { SqliteTopic } from './wake.ts'

/** How often an idle process looks by itself: with a watch on the wake-up file, and where none is to be had. */
const LOOK_INTERVAL_MS = 2_000
const LOOK_WITHOUT_WATCH_MS = 50
/** A process that is idle again soon keeps its watch. */
const LINGER_MS = 1_000

export class News {
  readonly #file: SideFile
  readonly #wakeUps: WakeUps
  readonly #readVersion: () => unknown
  readonly #listeners: Record<SqliteTopic, Set<() => void>> = { messages: new Set(), results: new Set() }
  #version: unknown
  #looking: NodeJS.Timeout | undefined
  #linger: NodeJS.Timeout | undefined

  /** `readVersion` answers something that changes when another connection has committed; it must not throw. */
  constructor(file: SideFile, readVersion: () => unknown) {
    this.#file = file
    this.#readVersion = readVersion
    this.#wakeUps = new WakeUps(file, (topics) => {
      this.tell(topics)
    })
  }

  /** Wake other processes, and tell listeners here. */
  announce(topics: Iterable<SqliteTopic>): void {
    const all = [...topics]
    for (const topic of all) this.#wakeUps.poke(topic)
    // After the poke: whoever wrote into the slot before us is seen by our listeners' look at the database.
    this.tell(all)
  }

  /** Tell listeners here. */
  tell(topics: readonly SqliteTopic[] = SQLITE_TOPICS): void {
    for (const topic of topics) for (const listener of [...this.#listeners[topic]]) listener()
  }

  /** Keeps the process alive until the function that is answered is called. */
  listen(topic: SqliteTopic, listener: () => void): () => void {
    this.#listeners[topic].add(listener)
    this.#begin()
    return () => {
      if (this.#listeners[topic].delete(listener)) this.#relax()
    }
  }

  close(): void {
    clearInterval(this.#looking)
    clearTimeout(this.#linger)
    this.#wakeUps.stop()
  }

  #begin(): void {
    clearTimeout(this.#linger)
    this.#wakeUps.watch()
    if (this.#looking !== undefined) return
    this.#version = this.#readVersion()
    const intervalMs = this.#wakeUps.watching ? LOOK_INTERVAL_MS : LOOK_WITHOUT_WATCH_MS
    this.#looking = setInterval(() => {
      this.#lookAround()
    }, intervalMs)
  }

  #relax(): void {
    if (SQLITE_TOPICS.some((topic) => this.#listeners[topic].size > 0)) return
    clearInterval(this.#looking)
    this.#looking = undefined
    this.#wakeUps.unref()
    this.#linger = setTimeout(() => {
      this.#wakeUps.stop()
    }, LINGER_MS).unref()
  }

  #lookAround(): void {
    if (this.#file.isDeleted()) {
      this.#wakeUps.stop()
      this.#file.close()
    }
    this.#wakeUps.watch()
    const before = this.#version
    this.#version = this.#readVersion()
    if (this.#version !== before) this.tell()
  }
}
