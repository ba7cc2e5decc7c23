/**
 * The timetable in a file of this machine (`beatScheduleFilename`), for brokers that keep only messages. It is always
 * written whole, and a new file takes the place of the old one, so that a kill leaves the one or the other; who changes it
 * holds another file as a lock meanwhile, for `celeriac beat add` may come while a beat runs.
 */
import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { ImproperlyConfigured, OperationalError } from '../../../errors.ts'
import { asError } from '../../../util/as-error.ts'
import { pause } from '../../../util/backoff.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Logger } from '../../../util/logger.ts'
import { isRecord } from '../../../util/record.ts'
import { StoredEntries } from '../../stored-entries.ts'
import type { StoredRecord } from '../../stored-entries.ts'

/** What stands in the file. Definitions are as `document.ts` writes them. */
export interface FileContents {
  /** That of the last one who led. */
  token: number
  readonly entries: StoredEntries<string>
}

const FORMAT = 'celeriac timetable 1'
/** Python's beat has a database under the name itself. */
const ENDING = '.json'
/** Where a file that cannot be read is kept. */
const ASIDE = '.unreadable'
const LOCK = '.lock'
const LOCK_TRY_MS = 10
const LOCK_TIMEOUT_MS = 5000
/** Whoever has held a lock for so long has died over it: a change takes some milliseconds. The next one leads within 5 s. */
const STALE_LOCK_MS = 2_000

export interface TimetableFileParts {
  /** `.json` is added where it does not end so. */
  readonly filename: string
  readonly clock: Clock
  readonly logger: Logger
}

export class TimetableFile {
  readonly path: string
  readonly #clock: Clock
  readonly #logger: Logger
  /** What was read or written last, and by which the file is known to be the same still. */
  #known: { readonly identity: string; readonly contents: FileContents } | undefined

  constructor({ filename, clock, logger }: TimetableFileParts) {
    this.path = filename.endsWith(ENDING) ? filename : filename + ENDING
    this.#clock = clock
    this.#logger = logger
  }

  /** What stands in it; nothing where there is none. Throws `ImproperlyConfigured` where it may not be read. */
  read(): FileContents {
    const identity = identityOf(this.path)
    if (identity !== undefined && identity === this.#known?.identity) return this.#known.contents
    const contents = this.#parse()
    this.#known = identity === undefined ? undefined : { identity, contents }
    return contents
  }

  /** Change it. Rejects with `OperationalError` where somebody else does not let go of it. */
  async change<T>(work: (contents: FileContents) => T): Promise<T> {
    await this.#lock()
    try {
      const contents = this.read()
      const answer = work(contents)
      this.#write(contents)
      return answer
    } catch (error) {
      // What was changed in memory is not in the file.
      this.#known = undefined
      throw error
    } finally {
      unlinkQuietly(this.path + LOCK)
    }
  }

  #parse(): FileContents {
    const text = this.#readText()
    if (text === undefined) return { token: 0, entries: new StoredEntries() }
    const contents = parse(text)
    if (contents !== undefined) return contents
    // Whatever it is, it is somebody's: it is not written over.
    renameSync(this.path, this.path + ASIDE)
    this.#logger.error(
      `Beat's file ${this.path} is none of this package or is damaged; it was renamed to ${this.path}${ASIDE}, and beat ` +
        'begins without: entries count from now on, and those that were added at run time are gone',
    )
    return { token: 0, entries: new StoredEntries() }
  }

  #readText(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw unusable(this.path, error)
    }
  }

  #write(contents: FileContents): void {
    const young = `${this.path}.${String(process.pid)}`
    try {
      writeFileSync(young, format(contents), { flush: true })
      renameSync(young, this.path)
    } catch (error) {
      throw unusable(this.path, error)
    }
    this.#known = { identity: identityOf(this.path) ?? '', contents }
  }

  async #lock(): Promise<void> {
    const path = this.path + LOCK
    const endMs = this.#clock.monotonic() + LOCK_TIMEOUT_MS
    for (;;) {
      try {
        closeSync(openSync(path, 'wx'))
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(this.path, error)
      }
      if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > STALE_LOCK_MS)
        unlinkQuietly(path)
      if (this.#clock.monotonic() >= endMs) {
        throw new OperationalError(`Somebody else changes ${this.path}, and does not let go: is ${path} left over?`)
      }
      await pause(this.#clock, LOCK_TRY_MS)
    }
  }
}

function format({ token, entries }: FileContents): string {
  const records = entries.records.map(({ name, definition, state, paused }) => ({
    name,
    ...(definition === undefined ? {} : { definition: JSON.parse(definition) as unknown }),
    ...(state === undefined ? {} : { last_due_ms: state.lastDueMs, total_run_count: state.totalRunCount }),
    ...(paused ? { paused } : {}),
  }))
  return JSON.stringify({ format: FORMAT, version: entries.version, token, entries: records })
}

/** Undefined where it is none of ours. */
function parse(text: string): FileContents | undefined {
  try {
    const saved: unknown = JSON.parse(text)
    if (!isRecord(saved) || saved['format'] !== FORMAT) return undefined
    const records = (saved['entries'] as Record<string, unknown>[]).map(readRecord)
    return { token: Number(saved['token']), entries: new StoredEntries(Number(saved['version']), records) }
  } catch {
    return undefined
  }
}

function readRecord(saved: Record<string, unknown>): StoredRecord<string> {
  const name = String(saved['name'])
  const { definition, last_due_ms: lastDueMs, total_run_count: totalRunCount, paused } = saved
  return {
    name,
    definition: definition === undefined ? undefined : JSON.stringify(definition),
    state: typeof lastDueMs === 'number' ? { name, lastDueMs, totalRunCount: Number(totalRunCount) } : undefined,
    paused: paused === true,
  }
}

/** Each file that takes the place of another is another one. */
function identityOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false, bigint: true })
  return status && [status.ino, status.mtimeNs, status.size].join(' ')
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another one was quicker.
  }
}

function unusable(path: string, cause: unknown): ImproperlyConfigured {
  return new ImproperlyConfigured(
    `Beat cannot use its file ${path}: ${asError(cause).message}. Name another one with beatScheduleFilename or --schedule`,
    { cause },
  )
}
