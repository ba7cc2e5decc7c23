/**
 * Watches for results. Another process's wake-up says that there is something new; what it is comes from the numbers of
 * the documents, which grow with every write. While a busy worker writes without a pause, looking takes a small part of
 * the time only, however many results are watched.
 */
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'
import type { Body } from '../../protocol/message.ts'
import type { TaskMeta } from '../../protocol/result.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Watch } from '../backend.ts'
import { listNewResults, newestResult, readResult } from './results.ts'

/** After a look so many times as long as it took nobody looks. */
const REST_FACTOR = 5

export interface WatcherParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Throws where the body is no document. */
  readonly decode: (taskId: string, body: Body) => TaskMeta
}

/** One watch. */
interface Watching {
  readonly ids: readonly string[]
  readonly onMeta: (meta: TaskMeta) => void
  readonly onError: (error: Error) => void
  stopped: boolean
}

/** All watches of one backend. */
export class Watcher {
  readonly #database: SqliteDatabase
  readonly #parts: WatcherParts
  readonly #byId = new Map<string, Set<Watching>>()
  /** Watches that were not told yet what is there. */
  #fresh: Watching[] = []
  #unsubscribe: (() => void) | undefined
  #seenSeq = 0
  #timer: Timer | undefined
  #soon: NodeJS.Immediate | undefined
  #restUntilMs = 0

  constructor(database: SqliteDatabase, parts: WatcherParts) {
    this.#database = database
    this.#parts = parts
  }

  /** See `ResultBackend.watch`. */
  watch(ids: readonly string[], onMeta: Watching['onMeta'], onError: Watching['onError']): Watch {
    const watching: Watching = { ids, onMeta, onError, stopped: false }
    for (const id of ids) {
      const others = this.#byId.get(id)
      if (others === undefined) this.#byId.set(id, new Set([watching]))
      else others.add(watching)
    }
    this.#fresh.push(watching)
    this.#lookSoon()
    return {
      stop: () => {
        this.#stop(watching)
      },
    }
  }

  /** End all watches, and say why: whoever still waits would wait for ever. */
  stop(reason: unknown): void {
    const all = new Set([...this.#byId.values()].flatMap((watchings) => [...watchings]))
    this.#fresh = []
    for (const watching of all) this.#fail(watching, reason)
  }

  #stop(watching: Watching): void {
    watching.stopped = true
    for (const id of watching.ids) {
      const others = this.#byId.get(id)
      others?.delete(watching)
      if (others?.size === 0) this.#byId.delete(id)
    }
    if (this.#byId.size === 0) this.#rest()
  }

  /** Nobody watches. */
  #rest(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    clearImmediate(this.#soon)
    this.#soon = undefined
  }

  #lookSoon(): void {
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined
      this.#look()
    })
  }

  /** Something was written. */
  #onNews(): void {
    if (this.#timer !== undefined) return
    const restMs = this.#restUntilMs - this.#parts.clock.monotonic()
    if (restMs <= 0) this.#lookSoon()
    else
      this.#timer = this.#parts.clock.after(restMs, () => {
        this.#timer = undefined
        this.#look()
      })
  }

  #look(): void {
    const startMs = this.#parts.clock.monotonic()
    try {
      this.#subscribe()
      for (const [watching, id, body] of this.#database.read((statements) => this.#findNews(statements))) {
        this.#tell(watching, id, body)
      }
    } catch (error) {
      this.stop(error)
    }
    const endMs = this.#parts.clock.monotonic()
    this.#restUntilMs = endMs + (endMs - startMs) * REST_FACTOR
  }

  /** First listen, then look: what comes in between is not missed. */
  #subscribe(): void {
    if (this.#unsubscribe !== undefined || this.#byId.size === 0) return
    this.#unsubscribe = this.#database.onNotify('results', () => {
      this.#onNews()
    })
    this.#seenSeq = this.#database.read(newestResult)
  }

  /** Everything for watches that are new, for the others what was written since the last look. */
  #findNews(statements: SqlStatements): [Watching, string, Body][] {
    const nowMs = this.#parts.clock.now()
    const found: [Watching, string, Body][] = []
    const fresh = new Set(this.#fresh)
    this.#fresh = []
    const newestSeq = newestResult(statements)
    for (const id of this.#candidates(statements, newestSeq)) {
      const watchings = [...(this.#byId.get(id) ?? [])].filter((watching) => !fresh.has(watching))
      const body = watchings.length === 0 ? undefined : readResult(statements, id, this.#seenSeq, nowMs)
      if (body !== undefined) for (const watching of watchings) found.push([watching, id, body])
    }
    this.#seenSeq = newestSeq
    for (const watching of fresh) {
      for (const id of watching.ids) {
        const body = watching.stopped ? undefined : readResult(statements, id, 0, nowMs)
        if (body !== undefined) found.push([watching, id, body])
      }
    }
    return found
  }

  /** Watched ids that may have news: whichever are fewer, what was written or what is watched. */
  #candidates(statements: SqlStatements, newestSeq: number): Iterable<string> {
    const written = newestSeq - this.#seenSeq
    if (written <= 0) return []
    if (written > this.#byId.size) return [...this.#byId.keys()]
    return listNewResults(statements, this.#seenSeq)
  }

  #tell(watching: Watching, id: string, body: Body): void {
    if (watching.stopped) return
    let meta: TaskMeta
    try {
      meta = this.#parts.decode(id, body)
    } catch (error) {
      this.#fail(watching, error)
      return
    }
    try {
      watching.onMeta(meta)
    } catch (error) {
      this.#parts.logger.error(`A listener for the result of task ${id} failed`, { error })
    }
  }

  #fail(watching: Watching, error: unknown): void {
    this.#stop(watching)
    watching.onError(error instanceof Error ? error : new Error(String(error)))
  }
}
