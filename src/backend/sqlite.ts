/**
 * `sqlite:///celeriac.db`: results in a file, by default the broker's, so that a result and the acknowledgement of its
 * task are one transaction. Rows are `sqlite/results.ts`, waiting is `sqlite/watcher.ts`.
 */
import { resolve } from 'node:path'
import { BackendError, BackendGetMetaError, OperationalError } from '../errors.ts'
import type { SqliteDatabase, SqlStatements } from '../driver/sqlite.ts'
import type { Body } from '../protocol/message.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import { readSqliteOptions } from '../transport/sqlite/options.ts'
import type { SqliteSettings } from '../transport/sqlite/options.ts'
import { ensureSchema } from '../transport/sqlite/schema.ts'
import { maskPassword, sqliteFile } from '../util/url.ts'
import type {
  BackendContext,
  BackendFactory,
  BackendFeatures,
  BackendOptions,
  ChordStore,
  EncodedResult,
  ResultBackend,
  StoringResult,
  Watch,
} from './backend.ts'
import { decodeGroupDocument, decodeTaskDocument, encodeGroupDocument, encodeTaskDocument } from './documents.ts'
import { SqliteChordStore } from './sqlite/chords.ts'
import { Expiry } from './sqlite/expiry.ts'
import { deleteGroup, deleteResults, readGroup, readResult, writeGroup } from './sqlite/results.ts'
import { Watcher } from './sqlite/watcher.ts'
import { storeError, Writes } from './sqlite/writes.ts'

const FEATURES: BackendFeatures = { persistent: true, shared: true, autoExpire: true }

export const sqliteBackend: BackendFactory = {
  name: 'sqlite',
  async open(url: string, options: BackendOptions, context: BackendContext): Promise<ResultBackend> {
    return new SqliteBackend(url, readSqliteOptions(url, options), context)
  },
}

/** What there is once the file is open. */
interface Opened {
  readonly database: SqliteDatabase
  readonly writes: Writes
  readonly watcher: Watcher
  readonly expiry: Expiry
}

class SqliteBackend implements ResultBackend {
  readonly features: BackendFeatures = FEATURES
  readonly displayUrl: string
  readonly chords: ChordStore
  readonly #settings: SqliteSettings
  readonly #context: BackendContext
  #opened: Opened | undefined
  #opening: Promise<Opened> | undefined
  #closing: Promise<void> | undefined

  constructor(url: string, settings: SqliteSettings, context: BackendContext) {
    this.displayUrl = maskPassword(url)
    this.#settings = settings
    this.#context = context
    const isMarked = isBrokersFile(settings.file, context.brokerUrls)
    this.chords = new SqliteChordStore({ context, isMarked, write: (work) => this.#writeChord(work) })
  }

  encodeResult(meta: TaskMeta): EncodedResult {
    return encodeTaskDocument(this.#context.serializer, meta)
  }

  storeResult(storing: StoringResult): Promise<void> {
    return this.#opened?.writes.store(storing) ?? this.#openAndStore(storing)
  }

  async getMeta(taskId: string): Promise<TaskMeta | undefined> {
    return (await this.getMetas([taskId])).get(taskId)
  }

  async getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const nowMs = this.#context.clock.now()
    try {
      const { database } = await this.#open()
      const bodies = database.read((statements) =>
        taskIds.map((id): [string, Body | undefined] => [id, readResult(statements, id, 0, nowMs)]),
      )
      const metas = new Map<string, TaskMeta>()
      for (const [id, body] of bodies) if (body !== undefined) metas.set(id, this.#decode(id, body))
      return metas
    } catch (error) {
      throw explain(error, (reason) => new BackendGetMetaError(reason, taskIds[0] ?? '', { cause: error }))
    }
  }

  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    let inner: Watch | undefined
    let stopped = false
    this.#open().then(
      ({ watcher }) => {
        if (!stopped) inner = watcher.watch(taskIds, onMeta, onError)
      },
      (error: unknown) => {
        if (!stopped) onError(error as Error)
      },
    )
    return {
      stop: () => {
        stopped = true
        inner?.stop()
      },
    }
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    await this.#write((statements) => {
      deleteResults(statements, taskIds)
    })
  }

  async saveGroup(groupId: string, meta: GroupMeta): Promise<void> {
    const body = encodeGroupDocument(this.#context.serializer, meta)
    await this.#write((statements) => {
      writeGroup(statements, groupId, body, this.#expiresMs())
    })
  }

  async restoreGroup(groupId: string): Promise<GroupMeta | undefined> {
    const nowMs = this.#context.clock.now()
    const { database } = await this.#open()
    const body = database.read((statements) => readGroup(statements, groupId, nowMs))
    return body === undefined ? undefined : decodeGroupDocument(this.#context.serializer, groupId, body)
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#write((statements) => {
      deleteGroup(statements, groupId)
    })
  }

  async cleanup(): Promise<number> {
    const { expiry } = await this.#open()
    return expiry.removeAll()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A file that could not be opened need not be closed.
    const opened = await this.#opening?.catch(() => undefined)
    opened?.watcher.stop(new BackendError(`${this.displayUrl} was closed`))
    opened?.expiry.stop()
    await opened?.database.release()
  }

  /** The file, opened when it is first needed; tried again after a failure. */
  #open(): Promise<Opened> {
    if (this.#closing !== undefined) return Promise.reject(new BackendError(`${this.displayUrl} is closed`))
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #connect(): Promise<Opened> {
    const { clock, logger, sqlite } = this.#context
    const database = sqlite.open(this.#settings.file, this.#settings)
    try {
      await ensureSchema(database)
    } catch (error) {
      await database.release()
      throw error
    }
    const writes = new Writes({ database, clock, expiresMs: () => this.#expiresMs() })
    const watcher = new Watcher(database, { clock, logger, decode: (id, body) => this.#decode(id, body) })
    const expiry = new Expiry(database, clock, (error) => {
      logger.warning(`Expired results could not be removed from ${this.displayUrl}`, { error })
    })
    expiry.start()
    const opened = { database, writes, watcher, expiry }
    this.#opened = opened
    void database.lost.then(() => this.#lose(opened))
    return opened
  }

  /** The file was deleted or replaced: watches fail as they look, and whoever needs it next opens what is there then. */
  async #lose(opened: Opened): Promise<void> {
    if (this.#closing !== undefined) return
    this.#opened = undefined
    this.#opening = undefined
    opened.expiry.stop()
    await opened.database.release()
  }

  async #openAndStore(storing: StoringResult): Promise<void> {
    try {
      const { writes } = await this.#open()
      await writes.store(storing)
    } catch (error) {
      storing.error = storeError(storing.result, error)
    }
  }

  async #write(work: (statements: SqlStatements) => void): Promise<void> {
    const { database } = await this.#open()
    await database.write(work)
  }

  async #writeChord(work: (statements: SqlStatements) => void): Promise<void> {
    try {
      const { database } = this.#opened ?? (await this.#open())
      await database.write(work)
    } catch (error) {
      throw explain(error, (reason) => new BackendError(reason, { cause: error }))
    }
  }

  #decode(taskId: string, body: Body): TaskMeta {
    return decodeTaskDocument(this.#context.serializer, taskId, body)
  }

  #expiresMs(): number | null {
    const { clock, resultExpiresMs } = this.#context
    return resultExpiresMs === undefined ? null : clock.now() + resultExpiresMs
  }
}

/** Do the calls go into this file too? */
function isBrokersFile(file: string, urls: string | readonly string[]): boolean {
  const [url = '', ...others] = typeof urls === 'string' ? [urls] : urls
  return others.length === 0 && url.startsWith('sqlite:') && resolve(sqliteFile(url)) === resolve(file)
}

/** The backend's own error for a file that cannot be used now; other errors say enough. */
function explain(error: unknown, make: (reason: string) => BackendError): unknown {
  return error instanceof OperationalError ? make(error.message) : error
}
