/** What an SQLite URL and the options beside it say. The same for the broker and for results. */
import { ImproperlyConfigured } from '../../errors.ts'
import type { SqliteOptions } from '../../driver/sqlite.ts'
import { didYouMean } from '../../util/suggest.ts'
import { sqliteFile } from '../../util/url.ts'

/** All of it, checked. */
export interface SqliteSettings extends SqliteOptions {
  readonly file: string
  /**
   * How long a process that cannot be asked whether it lives keeps what it has taken, in seconds. Default 30, at least 1.
   * A process of this machine is asked, and does not depend on it.
   */
  readonly lease: number | undefined
}

/** Options by name, as they may stand in the query of the URL or in `brokerTransportOptions`. */
const OPTIONS = ['busyTimeout', 'lease', 'synchronous'] as const
type OptionName = (typeof OPTIONS)[number]

const MIN_LEASE = 1

/**
 * Read `sqlite:///jobs.db?lease=60` and the options given besides; the URL wins. `busyTimeout` (seconds, default 30) is
 * how long a write waits for other processes, `synchronous` (`normal` or `full`) whether a commit waits for the disk.
 * Throws `ImproperlyConfigured` for an unknown option or a value that makes no sense.
 */
export function readSqliteOptions(url: string, options: Readonly<Record<string, unknown>>): SqliteSettings {
  const file = sqliteFile(url)
  if (file === ':memory:') {
    throw new ImproperlyConfigured(`"${url}" names no file: write sqlite:///celeriac.db, or memory:// for one process`)
  }
  const query = Object.fromEntries(new URLSearchParams(url.split('?')[1] ?? ''))
  const given: Partial<Record<OptionName, unknown>> = checkNames({ ...options, ...query })
  const busyTimeout = readSeconds('busyTimeout', given.busyTimeout, 0)
  const synchronous = readSynchronous(given.synchronous)
  return {
    file,
    lease: readSeconds('lease', given.lease, MIN_LEASE),
    ...(busyTimeout === undefined ? {} : { busyTimeoutMs: busyTimeout * 1000 }),
    ...(synchronous === undefined ? {} : { synchronous }),
  }
}

function checkNames(options: Record<string, unknown>): Partial<Record<OptionName, unknown>> {
  for (const name of Object.keys(options)) {
    if (OPTIONS.some((known) => known === name)) continue
    const hint = didYouMean(name, OPTIONS)
    throw new ImproperlyConfigured(
      `SQLite has no option "${name}"${hint === '' ? `; it has ${OPTIONS.join(', ')}` : hint}`,
    )
  }
  return options
}

function readSeconds(name: OptionName, value: unknown, min: number): number | undefined {
  if (value === undefined) return undefined
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= min) return seconds
  throw new ImproperlyConfigured(
    `The SQLite option "${name}" is a number of seconds, at least ${String(min)}; it is ${String(value)}`,
  )
}

function readSynchronous(value: unknown): 'normal' | 'full' | undefined {
  if (value === undefined || value === 'normal' || value === 'full') return value
  throw new ImproperlyConfigured(`The SQLite option "synchronous" is "normal" or "full"; it is ${String(value)}`)
}
