/** Opens a connection the way we want it: write-ahead log, sizes, safety. */
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ImproperlyConfigured } from '../../errors.ts'
import type { RawConnection, SqliteLibrary } from './library.ts'

/** How a file is used. */
export interface SqliteOptions {
  /** How long a write waits for other processes, in milliseconds. Default 30000. */
  readonly busyTimeoutMs?: number
  /** `normal` survives the death of any process; `full` also a power cut. Default `normal`. */
  readonly synchronous?: 'normal' | 'full'
}

/** Of a new file. Messages are some 700 bytes: fewer and fuller pages than with 4096. */
const PAGE_BYTES = 8192
/** `log.ts` sees to it much earlier; this is for the case that it cannot. */
const CHECKPOINT_PAGES = 16384
/** A log that grew beyond this while somebody kept reading is cut back afterwards. */
const LOG_LIMIT_BYTES = 48 * 1024 * 1024
const CACHE_KIBIBYTES = 16 * 1024

/**
 * Open or create `file`. Throws `ImproperlyConfigured` where the folder is missing or cannot have a write-ahead log,
 * otherwise the library's errors; "busy" among them, when another process is setting up the same file.
 */
export function openConnection(library: SqliteLibrary, file: string, options: SqliteOptions): RawConnection {
  const folder = dirname(file)
  if (isMissing(folder)) {
    throw new ImproperlyConfigured(
      `The folder "${folder}" of the SQLite file "${file}" does not exist: create it first`,
    )
  }
  const connection = library.open(file)
  try {
    setUp(connection, file, options)
  } catch (error) {
    connection.close()
    throw error
  }
  return connection
}

/** False also where we may not look: SQLite says what it thinks of that. */
function isMissing(folder: string): boolean {
  try {
    return statSync(folder, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

function setUp(connection: RawConnection, file: string, options: SqliteOptions): void {
  // Waiting inside SQLite would block the event loop.
  connection.exec('PRAGMA busy_timeout = 0')
  connection.exec(`PRAGMA page_size = ${String(PAGE_BYTES)}`)
  const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal') {
    throw new ImproperlyConfigured(
      `"${file}" lies where SQLite cannot share memory between processes (a network folder?): use a local folder`,
    )
  }
  connection.exec(`PRAGMA synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}`)
  connection.exec(`PRAGMA wal_autocheckpoint = ${String(CHECKPOINT_PAGES)}`)
  connection.exec(`PRAGMA journal_size_limit = ${String(LOG_LIMIT_BYTES)}`)
  connection.exec(`PRAGMA cache_size = -${String(CACHE_KIBIBYTES)}`)
  connection.exec('PRAGMA temp_store = MEMORY')
}
