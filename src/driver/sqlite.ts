/**
 * SQLite behind our own small interface: `node:sqlite` where Node has it, else `@photostructure/sqlite`, whose binaries
 * ship inside the npm package.
 */

/** The open files of one app. */
export interface SqliteRegistry {
  /** The database of this file, shared by all who ask; opened by the first, closed with the last `release()`. */
  open(file: string, options: SqliteOptions): SqliteDatabase
}

export interface SqliteOptions {
  /** How long a write waits for other processes, in milliseconds. Default 30000. */
  readonly busyTimeoutMs?: number
  /** `normal` survives the death of any process; `full` also a power cut. Default `normal`. */
  readonly synchronous?: 'normal' | 'full'
}

export type SqlValue = string | number | bigint | Uint8Array | null
export type SqlRow = Record<string, SqlValue>

/** Statements inside one transaction. Prepared once per text. */
export interface SqlStatements {
  run(sql: string, ...values: SqlValue[]): { changes: number; lastInsertRowid: number }
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined
  all(sql: string, ...values: SqlValue[]): SqlRow[]
}

export interface SqliteDatabase {
  readonly file: string
  /**
   * Run `work` in the next write transaction, together with all other writes asked for in this turn of the event loop
   * (group commit). Its statements are atomic on their own: when `work` throws, only they are undone. Resolves after
   * the commit. Rejects with `OperationalError` when the file stays locked, is full or broken.
   */
  write<T>(work: (statements: SqlStatements) => T): Promise<T>
  /** Run `work` on a consistent snapshot, now. */
  read<T>(work: (statements: SqlStatements) => T): T
  /** Tell every process that has this file open, after a commit, that there is something to look at. */
  notify(): void
  /** Called after another process or this one notified. Answers how to stop listening. */
  onNotify(listener: () => void): () => void
  release(): Promise<void>
}
