/**
 * One open SQLite file, shared by all of this app who use it: group commit, waiting for other processes' locks without
 * blocking, snapshots for reading, and news between processes (`wake.ts`). What is in the file is the users' matter.
 */
import { statSync } from 'node:fs'
import { OperationalError } from '../../errors.ts'
import { openConnection } from './connection.ts'
import type { SqliteOptions } from './connection.ts'
import { explainFailure, isBusy, stayedLocked } from './failure.ts'
import type { RawConnection, SqliteLibrary } from './library.ts'
import { PreparedStatements } from './statements.ts'
import type { SqlStatements } from './statements.ts'
import { WriteAheadLog } from './log.ts'
import { SLOT_BYTES, SideFile } from './side-file.ts'
import { Turns } from './turns.ts'
import { SQLITE_TOPICS, WakeUps } from './wake.ts'
import type { SqliteTopic } from './wake.ts'

const DEFAULT_BUSY_TIMEOUT_MS = 30_000
/** Reading hardly ever meets a lock: only while another process recovers the log of one that died. */
const READ_TIMEOUT_MS = 2_000
/** How often an idle process looks by itself: with a watch on the wake-up file, and where none is to be had. */
const LOOK_INTERVAL_MS = 2_000
const LOOK_WITHOUT_WATCH_MS = 50
/** An idle process that is needed again soon keeps its watch. */
const WATCH_LINGER_MS = 1_000
const CHECK_FILE_INTERVAL_MS = 1_000

/** One file, for as long as somebody has it open. */
export interface SqliteDatabase {
  /** The real path. */
  readonly file: string
  /**
   * Run `work` in the next write transaction, together with all other writes asked for in this turn of the event loop
   * (group commit). Its statements are atomic on their own: when `work` throws, only they are undone. For that `work`
   * may be run again, so it must leave nothing behind but its statements and its answer. Resolves after the commit.
   * Rejects with `OperationalError` when the file stays locked, is full or broken; then nothing of it was stored.
   */
  write<T>(work: (statements: SqlStatements) => T): Promise<T>
  /** Run `work` on a consistent snapshot, now. Throws `OperationalError`. */
  read<T>(work: (statements: SqlStatements) => T): T
  /** Tell every process that has this file open that there is news; within a write after its commit, else at once. */
  notify(topic: SqliteTopic): void
  /**
   * Called after another process or this one notified, and now and then to be safe. Keeps the process alive until the
   * function that is answered is called. `listener` must not throw.
   */
  onNotify(topic: SqliteTopic, listener: () => void): () => void
  /** Resolves with the reason when the file was deleted or replaced; then all verbs fail until it is opened again. */
  readonly lost: Promise<Error>
  /** Call once for each `open`. After the last one the file is closed; writes that were asked for are done first. */
  release(): Promise<void>
}

interface Job {
  readonly work: (statements: SqlStatements) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly sinceMs: number
  /** Not to be run with others: a transaction with it has failed. */
  alone: boolean
}

/** The file behind `SqliteDatabase`; the registry counts its users. */
export class SharedDatabase implements SqliteDatabase {
  readonly file: string
  readonly lost: Promise<Error>
  readonly #library: SqliteLibrary
  readonly #onRelease: () => boolean
  readonly #sideFile: SideFile
  readonly #turns: Turns
  readonly #wake: WakeUps
  readonly #listeners: Record<SqliteTopic, Set<() => void>> = { messages: new Set(), results: new Set() }
  readonly #news = new Set<SqliteTopic>()
  readonly #log: WriteAheadLog
  #options: SqliteOptions
  #connection: RawConnection | undefined
  #statements: PreparedStatements | undefined
  #jobs: Job[] = []
  /** When the next attempt at writing comes; undefined when there is nothing to write. */
  #attempt: NodeJS.Immediate | NodeJS.Timeout | undefined
  #inside = false
  #looking: NodeJS.Timeout | undefined
  #linger: NodeJS.Timeout | undefined
  #dataVersion: unknown
  #inode: number | undefined
  #checkedMs = 0
  #refusal: Error | undefined
  #tellLost: (reason: Error) => void = () => undefined
  #idle: (() => void)[] = []

  /** `onRelease` answers whether that was the last user. */
  constructor(library: SqliteLibrary, file: string, options: SqliteOptions, onRelease: () => boolean) {
    this.file = file
    this.#library = library
    this.#options = options
    this.#onRelease = onRelease
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve
    })
    this.#log = new WriteAheadLog(file)
    const slots = SQLITE_TOPICS.length + 1
    this.#sideFile = new SideFile(`${file}-wake`, slots)
    this.#turns = new Turns(this.#sideFile, SQLITE_TOPICS.length)
    this.#wake = new WakeUps(this.#sideFile, slots * SLOT_BYTES, (topics) => {
      this.#tellListeners(topics)
    })
  }

  /** Is this no longer the file at its path? */
  get isLost(): boolean {
    return this.#refusal !== undefined
  }

  /** Another user's options: the longer time-out and the safer mode win. */
  widen(options: SqliteOptions): void {
    const synchronous = [this.#options.synchronous, options.synchronous].includes('full') ? 'full' : 'normal'
    if (synchronous === 'full') this.#connection?.exec('PRAGMA synchronous = FULL')
    this.#options = { busyTimeoutMs: Math.max(busyTimeoutMs(this.#options), busyTimeoutMs(options)), synchronous }
  }

  write<T>(work: (statements: SqlStatements) => T): Promise<T> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    return new Promise<T>((resolve, reject) => {
      const sinceMs = performance.now()
      this.#jobs.push({ work, resolve: resolve as Job['resolve'], reject, sinceMs, alone: false })
      this.#attempt ??= setImmediate(() => {
        this.#flush()
      })
    })
  }

  read<T>(work: (statements: SqlStatements) => T): T {
    if (this.#refusal !== undefined) throw this.#refusal
    // Within a write: its own changes are to be seen.
    if (this.#inside && this.#statements !== undefined) return work(this.#statements)
    const untilMs = performance.now() + READ_TIMEOUT_MS
    for (;;) {
      try {
        return this.#snapshot(work)
      } catch (error) {
        if (!isBusy(error)) throw explainFailure(error, this.file, 'use')
        if (performance.now() > untilMs) throw stayedLocked(this.file, READ_TIMEOUT_MS, error)
        sleepSync(1)
      }
    }
  }

  notify(topic: SqliteTopic): void {
    if (this.#inside) this.#news.add(topic)
    else this.#announce([topic])
  }

  onNotify(topic: SqliteTopic, listener: () => void): () => void {
    const listeners = this.#listeners[topic]
    listeners.add(listener)
    this.#listen()
    return () => {
      if (listeners.delete(listener)) this.#relax()
    }
  }

  async release(): Promise<void> {
    if (!this.#onRelease()) return
    if (this.#attempt !== undefined) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve)
      })
    }
    this.#refusal ??= new OperationalError(`"${this.file}" was closed`)
    this.#shut()
  }

  /** One attempt at the writes that wait. */
  #flush(): void {
    this.#attempt = undefined
    this.#checkFile()
    const pauseMs = this.#turns.pauseMs()
    if (pauseMs > 0) {
      this.#again(pauseMs)
      return
    }
    let statements: PreparedStatements
    try {
      statements = this.#connect()
      statements.run('BEGIN IMMEDIATE')
    } catch (error) {
      this.#couldNotBegin(error)
      return
    }
    this.#turns.entered()
    this.#commit(statements, this.#takeJobs())
    this.#log.keepShort(statements)
    this.#turns.left()
    this.#again(0)
  }

  /** All jobs of this turn in one transaction; after a failure one by one, so that each gets its own error only. */
  #commit(statements: PreparedStatements, jobs: readonly Job[]): void {
    const answers: unknown[] = []
    this.#news.clear()
    this.#inside = true
    try {
      for (const job of jobs) answers.push(job.work(statements))
      statements.run('COMMIT')
    } catch (error) {
      rollBack(statements)
      const [only] = jobs
      if (jobs.length === 1 && only !== undefined) only.reject(explainFailure(error, this.file, 'use'))
      else for (const job of jobs) job.alone = true
      if (jobs.length > 1) this.#jobs = [...jobs, ...this.#jobs]
      return
    } finally {
      this.#inside = false
    }
    jobs.forEach((job, index) => {
      job.resolve(answers[index])
    })
    if (this.#news.size > 0) this.#announce([...this.#news])
  }

  #takeJobs(): Job[] {
    const alone = this.#jobs.findIndex((job) => job.alone)
    if (alone === -1) return this.#jobs.splice(0)
    return this.#jobs.splice(0, Math.max(alone, 1))
  }

  #couldNotBegin(error: unknown): void {
    const nowMs = performance.now()
    const limitMs = busyTimeoutMs(this.#options)
    const busy = isBusy(error)
    const given: Job[] = busy ? this.#jobs.filter((job) => nowMs - job.sinceMs >= limitMs) : this.#jobs
    this.#jobs = this.#jobs.filter((job) => !given.includes(job))
    const stage = this.#connection === undefined ? 'open' : 'use'
    const reason = busy ? stayedLocked(this.file, limitMs, error) : explainFailure(error, this.file, stage)
    for (const job of given) job.reject(reason)
    this.#again(busy ? this.#turns.collided() : 0)
  }

  /** Come back for what still waits. */
  #again(delayMs: number): void {
    if (this.#jobs.length > 0) {
      const flush = (): void => {
        this.#flush()
      }
      this.#attempt ??= delayMs === 0 ? setImmediate(flush) : setTimeout(flush, delayMs)
    } else if (this.#attempt === undefined) {
      for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #snapshot<T>(work: (statements: SqlStatements) => T): T {
    const statements = this.#connect()
    statements.run('BEGIN')
    try {
      const answer = work(statements)
      statements.run('COMMIT')
      return answer
    } catch (error) {
      rollBack(statements)
      throw error
    }
  }

  /** The connection, made when it is first needed. Throws SQLite's errors, also because another process is in the way. */
  #connect(): PreparedStatements {
    if (this.#statements !== undefined) return this.#statements
    const connection = openConnection(this.#library, this.file, this.#options)
    this.#connection = connection
    this.#statements = new PreparedStatements(connection)
    this.#inode = inodeOf(this.file)
    this.#checkedMs = performance.now()
    return this.#statements
  }

  /** A file that was deleted or replaced takes writes that nobody will ever see: better no writes. */
  #checkFile(): void {
    const nowMs = performance.now()
    if (this.#connection === undefined || nowMs - this.#checkedMs < CHECK_FILE_INTERVAL_MS) return
    this.#checkedMs = nowMs
    if (inodeOf(this.file) === this.#inode || this.#refusal !== undefined) return
    const reason = new OperationalError(`"${this.file}" was deleted or replaced while it was open: open it again`)
    this.#refusal = reason
    for (const job of this.#jobs.splice(0)) job.reject(reason)
    this.#tellLost(reason)
  }

  #announce(topics: readonly SqliteTopic[]): void {
    for (const topic of topics) this.#wake.poke(topic)
    // After the poke: whoever wrote into the slot before us is seen by our listeners' look at the database.
    this.#tellListeners(topics)
  }

  #tellListeners(topics: readonly SqliteTopic[]): void {
    for (const topic of topics) for (const listener of [...this.#listeners[topic]]) listener()
  }

  #listen(): void {
    clearTimeout(this.#linger)
    this.#linger = undefined
    if (this.#looking !== undefined) return
    this.#wake.watch()
    this.#readDataVersion()
    this.#looking = setInterval(
      () => {
        this.#lookAround()
      },
      this.#wake.watching ? LOOK_INTERVAL_MS : LOOK_WITHOUT_WATCH_MS,
    )
  }

  #relax(): void {
    if (SQLITE_TOPICS.some((topic) => this.#listeners[topic].size > 0)) return
    clearInterval(this.#looking)
    this.#looking = undefined
    this.#wake.unref()
    this.#linger = setTimeout(() => {
      this.#wake.stop()
    }, WATCH_LINGER_MS).unref()
  }

  /** The safety net under the wake-up file: cheap, and slow where there is a watch. */
  #lookAround(): void {
    const before = this.#dataVersion
    this.#checkFile()
    if (this.#sideFile.deleted) {
      this.#wake.stop()
      this.#sideFile.close()
    }
    this.#wake.watch()
    if (this.#readDataVersion() !== before) this.#tellListeners(SQLITE_TOPICS)
  }

  /** A number that changes when another connection has committed. */
  #readDataVersion(): unknown {
    try {
      this.#dataVersion = this.#connect().get('PRAGMA data_version')?.['data_version']
    } catch {
      // Locked or broken: whoever uses the file is told.
    }
    return this.#dataVersion
  }

  #shut(): void {
    clearInterval(this.#looking)
    clearTimeout(this.#linger)
    this.#wake.stop()
    this.#sideFile.close()
    this.#log.close()
    const connection = this.#connection
    this.#connection = undefined
    this.#statements = undefined
    connection?.close()
  }
}

/** A transaction that SQLite has already given up cannot be rolled back. */
function rollBack(statements: SqlStatements): void {
  try {
    statements.run('ROLLBACK')
  } catch {
    // It is over in any case.
  }
}

function busyTimeoutMs(options: SqliteOptions): number {
  return options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
