/** SQLite's error codes to errors of ours that name the file, say what happened and what to do. */
import { ImproperlyConfigured, OperationalError } from '../../errors.ts'

/** Primary result codes (https://sqlite.org/rescode.html). */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const PROTOCOL = 15
const TOOBIG = 18
const NOTADB = 26
/** Extended code: the file at the path is not the one that was opened. */
const READONLY_DBMOVED = 1032

/** What went wrong when: trying again helps against some errors of use, but not where opening failed. */
export type Stage = 'open' | 'use'

/** The extended result code, or undefined for errors that do not come from SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}

/** Another process is in the way; the same may work in a moment. */
export function isBusy(error: unknown): boolean {
  const primary = primaryCode(error)
  return primary === BUSY || primary === LOCKED || primary === PROTOCOL
}

/** An error of SQLite as one of ours, with the original as its cause. Other errors stay what they are. */
export function explainFailure(error: unknown, file: string, stage: Stage): unknown {
  const code = sqliteCode(error)
  if (code === undefined) return error
  const message = explain(code, file, error as Error)
  const hopeless = stage === 'open' && [NOTADB, CANTOPEN, READONLY].includes(code & 0xff)
  return hopeless
    ? new ImproperlyConfigured(message, { cause: error })
    : new OperationalError(message, { cause: error })
}

/** The file stayed locked for too long. */
export function stayedLocked(file: string, waitedMs: number, cause: unknown): OperationalError {
  return new OperationalError(
    `"${file}" was locked by another process for ${String(waitedMs / 1000)} seconds, so nothing was done: ` +
      'end programs that keep a transaction open on it (an SQLite shell, a database browser, a backup), ' +
      'or allow more time with the option busyTimeout',
    { cause },
  )
}

function primaryCode(error: unknown): number | undefined {
  const code = sqliteCode(error)
  return code === undefined ? undefined : code & 0xff
}

function explain(code: number, file: string, error: Error): string {
  if (code === READONLY_DBMOVED) {
    return `"${file}" was deleted or replaced while it was open, so nothing was stored: open it again`
  }
  switch (code & 0xff) {
    case BUSY:
    case LOCKED:
    case PROTOCOL:
      return `"${file}" is locked by another process: try again, or end the program that keeps a transaction open on it`
    case READONLY:
      return `"${file}" cannot be written: give this user the right to write the file and its folder`
    case IOERR:
      return `Reading or writing "${file}" failed (${error.message}), so nothing was stored: check the disk and its mount`
    case CORRUPT:
      return `"${file}" is damaged (${error.message}): stop all processes that use it, keep a copy, then restore a backup or rebuild it with "sqlite3 ${file} .recover"`
    case FULL:
      return `There is no room left on the disk of "${file}" (or its quota is used up), so nothing was stored: free some space and try again`
    case CANTOPEN:
      return `"${file}" cannot be opened: SQLite needs the right to write the file and its folder, for it keeps "-wal" and "-shm" files beside it`
    case TOOBIG:
      return `A value is too big for "${file}": SQLite takes at most 1,000,000,000 bytes, so nothing was stored`
    case NOTADB:
      return `"${file}" is not an SQLite database (or is encrypted): name another file, or move this one away`
    default:
      return `"${file}": ${error.message} (SQLite code ${String(code)})`
  }
}
