/**
 * Which SQLite this process uses, loaded when it is first needed. Knows the two libraries and how they differ; what is
 * done with a connection is `database.ts`.
 *
 * There is one choice a process, always the same: two copies of SQLite in one process would not see each other's file
 * locks, and would break the file.
 */
import { createRequire } from 'node:module'
import { MissingDriver } from '../../errors.ts'
import { NativeGuard } from '../../util/native-guard.ts'

/** The package that is used where Node brings no SQLite, or an older one. Its binaries ship inside npm. */
export const requires = { package: '@photostructure/sqlite', range: '>=1.2' } as const

export type SqlValue = string | number | bigint | Uint8Array | null
export type SqlRow = Record<string, SqlValue>

/** A prepared statement, as both libraries have it. */
export interface RawStatement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: readonly SqlValue[]): SqlRow | undefined
  all(...values: readonly SqlValue[]): SqlRow[]
}

/** An open connection, as both libraries have it. */
export interface RawConnection {
  exec(sql: string): void
  prepare(sql: string): RawStatement
  close(): void
}

/** A copy of SQLite. */
export interface SqliteLibrary {
  /** Where it comes from: `node:sqlite` or the name of a package. */
  readonly name: string
  /** SQLite's own version, such as `3.53.0`. */
  readonly version: string
  /** Open or create a file. Throws the library's own errors. */
  open(file: string): RawConnection
}

interface SqliteModule {
  readonly DatabaseSync: new (file: string) => RawConnection
}

/**
 * The library to use: Node's own unless its SQLite has the bug below, then the package, then Node's own in any case.
 * Throws `MissingDriver` where there is neither.
 */
export function chooseLibrary(candidates: {
  readonly builtin: () => SqliteLibrary | undefined
  readonly installed: () => SqliteLibrary | undefined
}): SqliteLibrary {
  const builtin = candidates.builtin()
  if (builtin !== undefined && survivesWalReset(builtin.version)) return builtin
  const chosen = candidates.installed() ?? builtin
  if (chosen === undefined) throw new MissingDriver(requires.package, `SQLite on Node ${process.versions.node}`)
  return chosen
}

/** Load the SQLite of this process. Throws `MissingDriver` where there is none. */
export function loadSqlite(): SqliteLibrary {
  const library = chooseLibrary({ builtin: loadBuiltin, installed: loadInstalled })
  const guard = NativeGuard.ofThisThread()
  return guard === undefined ? library : guardLibrary(library, guard)
}

/** The same library, each call of which is inside `guard`: a thread that is ended in such a call takes the process along. */
export function guardLibrary(library: SqliteLibrary, guard: NativeGuard): SqliteLibrary {
  return {
    ...library,
    open: (file) =>
      guardConnection(
        guard.run(() => library.open(file)),
        guard,
      ),
  }
}

function guardConnection(connection: RawConnection, guard: NativeGuard): RawConnection {
  return {
    exec: (sql) => {
      guard.run(() => {
        connection.exec(sql)
      })
    },
    prepare: (sql) =>
      guardStatement(
        guard.run(() => connection.prepare(sql)),
        guard,
      ),
    close: () => {
      guard.run(() => {
        connection.close()
      })
    },
  }
}

function guardStatement(statement: RawStatement, guard: NativeGuard): RawStatement {
  return {
    run: (...values) => guard.run(() => statement.run(...values)),
    get: (...values) => guard.run(() => statement.get(...values)),
    all: (...values) => guard.run(() => statement.all(...values)),
  }
}

/**
 * Before 3.51.3 two connections that write and checkpoint at the very same moment could break the file
 * (https://sqlite.org/wal.html#walresetbug). The fix is in 3.50.7 and 3.44.6 too.
 */
export function survivesWalReset(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major !== 3) return major > 3
  if (minor === 50) return patch >= 7
  if (minor === 44) return patch >= 6
  return minor > 51 || (minor === 51 && patch >= 3)
}

function loadBuiltin(): SqliteLibrary | undefined {
  const module = withoutSqliteWarning(() => process.getBuiltinModule('node:sqlite'))
  return module === undefined ? undefined : libraryOf('node:sqlite', module as SqliteModule)
}

function loadInstalled(): SqliteLibrary | undefined {
  try {
    return libraryOf(requires.package, createRequire(import.meta.url)(requires.package) as SqliteModule)
  } catch (error) {
    // Not installed, or no binary for this platform: it is an optional dependency.
    if (error instanceof Error) return undefined
    throw error
  }
}

function libraryOf(name: string, module: SqliteModule): SqliteLibrary {
  const probe = new module.DatabaseSync(':memory:')
  const row = probe.prepare('SELECT sqlite_version() AS version').get()
  probe.close()
  return { name, version: String(row?.['version']), open: (file) => new module.DatabaseSync(file) }
}

/** Node announces that `node:sqlite` is experimental when it is first loaded. All other warnings pass. */
function withoutSqliteWarning<T>(load: () => T): T {
  const original = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  const emit = process.emitWarning.bind(process) as (...values: unknown[]) => void
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('SQLite is an experimental feature')) emit(warning, ...rest)
  }
  try {
    return load()
  } finally {
    if (original !== undefined) Object.defineProperty(process, 'emitWarning', original)
  }
}
