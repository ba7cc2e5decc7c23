/**
 * One open SQLite file, shared by all of this app who use it: writes (`writes.ts`), snapshots for reading, and news
 * between processes (`news.ts`). What is in the file is the users' matter.
 */
import { statSync } from 'node:fs'
import { OperationalError } from '../../errors.ts'
import { openConnection } from './connection.ts'
import type { SqliteOptions } from './connection.ts'
import { explainFailure, isBusy, stayedLocked } from './failure.ts'
import type { Stage } from './failure.ts'
import type { RawConnection, SqliteLibrary } from './library.ts'
import { WriteAheadLog } from './log.ts'
import { News } from './news.ts'
import { SideFile } from './side-file.ts'
import { PreparedStatements } from './statements.ts'
import type { SqlStatements } from './statements.ts'
import { Turns } from './turns.ts'
import type { SqliteTopic } from './wake.ts'
import { rollBack, Writes } from './writes.ts'

const DEFAULT_BUSY_TIMEOUT_MS = 30_000
/** Reading hardly ever meets a lock: only while another process recovers the log of one that died. */
const READ_TIMEOUT_MS = 2_000
const CHECK_FILE_INTERVAL_MS = 1_000

/** One file, for as long as somebody has it open. */
export interface SqliteDatabase {
  /** The real path. */
  readonly file: string
  /** Resolves with the reason when the file was deleted or replaced; then all verbs fail until it is opened again. */
  readonly lost: Promise<Error>
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
  /** Call once for each `open`. After the last one the file is closed; writes that were asked for are done first. */
  release(): Promise<void>
}

/** The file behind `SqliteDatabase`; the registry counts its users. */
export class SharedDatabase implements SqliteDatabase {
  readonly file: string
  readonly lost: Promise<Error>
  readonly #library: SqliteLibrary
  readonly #onRelease: () => boolean
  readonly #sideFile: SideFile
  readonly #log: WriteAheadLog
  readonly #writes: Writes
  readonly #news: News
  #options: SqliteOptions
  #connection: RawConnection | undefined
  #statements: PreparedStatements | undefined
  #reading = false
  #inode: number | undefined
  #checkedMs = 0
  #refusal: Error | undefined
  #tellLost: (reason: Error) => void = () => undefined

  /** `onRelease` answers whether that was the last user. */
  constructor(library: SqliteLibrary, file: string, options: SqliteOptions, onRelease: () => boolean) {
    this.file = file
    this.#library = library
    this.#options = options
    this.#onRelease = onRelease
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve
    })
    this.#sideFile = new SideFile(`${file}-wake`)
    this.#log = new WriteAheadLog(file)
    this.#news = new News(this.#sideFile, () => this.#readVersion())
    this.#writes = new Writes({
      file,
      turns: new Turns(this.#sideFile),
      log: this.#log,
      connect: () => this.#connect(),
      stage: () => this.#stage(),
      busyTimeoutMs: () => busyTimeoutMs(this.#options),
      onNews: (topics) => {
        this.#news.announce(topics)
      },
    })
  }

  /** Is it of no more use, so that whoever asks for the file must open it anew? */
  get isOver(): boolean {
    return this.#refusal !== undefined
  }

  /** Another user's options: the longer time-out and the safer mode win. */
  widen(options: SqliteOptions): void {
    const isFull = [this.#options, options].some(({ synchronous }) => synchronous === 'full')
    if (isFull) this.#connection?.exec('PRAGMA synchronous = FULL')
    this.#options = {
      busyTimeoutMs: Math.max(busyTimeoutMs(this.#options), busyTimeoutMs(options)),
      synchronous: isFull ? 'full' : 'normal',
    }
  }

  write<T>(work: (statements: SqlStatements) => T): Promise<T> {
    this.#checkFile()
    return this.#refusal === undefined ? this.#writes.add(work) : Promise.reject(this.#refusal)
  }

  read<T>(work: (statements: SqlStatements) => T): T {
    if (this.#refusal !== undefined) throw this.#refusal
    // Within a write its own changes are to be seen, within a read the same snapshot.
    if (this.#writes.inside || this.#reading) return work(this.#connect())
    const untilMs = performance.now() + READ_TIMEOUT_MS
    for (;;) {
      try {
        return this.#snapshot(work)
      } catch (error) {
        if (!isBusy(error)) throw explainFailure(error, this.file, this.#stage())
        if (performance.now() > untilMs) throw stayedLocked(this.file, READ_TIMEOUT_MS, error)
        sleepSync(1)
      }
    }
  }

  notify(topic: SqliteTopic): void {
    if (this.#writes.inside) this.#writes.addNews(topic)
    else this.#news.announce([topic])
  }

  onNotify(topic: SqliteTopic, listener: () => void): () => void {
    return this.#news.listen(topic, listener)
  }

  async release(): Promise<void> {
    if (!this.#onRelease()) return
    await this.#writes.settled()
    this.#refusal ??= new OperationalError(`"${this.file}" was closed`)
    this.#news.close()
    this.#log.close()
    this.#sideFile.close()
    const connection = this.#connection
    this.#connection = undefined
    this.#statements = undefined
    connection?.close()
  }

  #snapshot<T>(work: (statements: SqlStatements) => T): T {
    const statements = this.#connect()
    statements.run('BEGIN')
    this.#reading = true
    try {
      const answer = work(statements)
      statements.run('COMMIT')
      return answer
    } catch (error) {
      rollBack(statements)
      throw error
    } finally {
      this.#reading = false
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

  #stage(): Stage {
    return this.#connection === undefined ? 'open' : 'use'
  }

  /** A file that was deleted or replaced takes writes that nobody will ever see: better no writes. */
  #checkFile(): void {
    const nowMs = performance.now()
    if (this.#connection === undefined || nowMs - this.#checkedMs < CHECK_FILE_INTERVAL_MS) return
    this.#checkedMs = nowMs
    if (this.#refusal !== undefined || inodeOf(this.file) === this.#inode) return
    const reason = new OperationalError(`"${this.file}" was deleted or replaced while it was open: open it again`)
    this.#refusal = reason
    this.#writes.rejectAll(reason)
    this.#tellLost(reason)
    // Whoever waits looks, and is told.
    this.#news.tell()
  }

  /** A number that changes when another connection has committed. */
  #readVersion(): unknown {
    this.#checkFile()
    try {
      return this.#connect().get('PRAGMA data_version')?.['data_version']
    } catch {
      // Locked or broken: whoever uses the file is told.
      return undefined
    }
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
