/**
 * The state file (`--statedb`): what must outlive a worker's restart, the ids that were revoked and the logical clock. It
 * is read at the start, and written soon after ids are added and at the end, always whole: a new file takes the place of
 * the old one, so that a kill leaves the one or the other. The form is ours: Python's file is a pickle in a database.
 */
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { ImproperlyConfigured } from '../errors.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { asError } from '../util/as-error.ts'
import { isRecord } from '../util/record.ts'
import type { Component, ComponentHost, Undo } from './component.ts'

/** What stands in the file. Times are Unix milliseconds: a monotonic clock begins anew with each start of the machine. */
interface SavedState {
  readonly format: typeof FORMAT
  readonly clock: number
  readonly revoked: readonly (readonly [id: string, addedMs: number])[]
}

const FORMAT = 'celeriac worker state 1'
/** Where a file that cannot be read is kept. */
const ASIDE = '.unreadable'
/** Ids come in bursts, and are written together. */
const WRITE_DELAY_MS = 500

/** The state file of one worker. */
export class StateFile implements Component {
  readonly name = 'state file'
  readonly #path: string
  /** The write that is under way, after which the next one begins. */
  #writing: Promise<void> = Promise.resolve()

  /** `path` may name the node: `%h`, `%n`, `%d`. */
  constructor(path: string) {
    this.#path = path
  }

  /** Read the file, and keep it up to date from now on. Rejects with `ImproperlyConfigured` where there can be none. */
  async start(worker: ComponentHost): Promise<Undo> {
    const file = expandNodename(this.#path, worker.facts.hostname)
    restore(worker, await this.#read(file, worker))
    // Told of now: what cannot be written at the start could not be written at the end.
    await this.#write(file, worker)
    let timer: { cancel(): void } | undefined
    const unwatch = worker.state.revoked.onAdd(() => {
      timer ??= worker.app.clock.after(
        WRITE_DELAY_MS,
        () => {
          timer = undefined
          this.#write(file, worker).catch((error: unknown) => {
            worker.app.logger.error('The state file could not be written', { error })
          })
        },
        { unref: true },
      )
    })
    return async () => {
      unwatch()
      timer?.cancel()
      await this.#write(file, worker)
    }
  }

  async #read(file: string, { app }: ComponentHost): Promise<SavedState | undefined> {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw unusable(file, error)
    }
    const saved = parse(text)
    if (saved !== undefined) return saved
    // Whatever it is, it is somebody's: it is not written over.
    await rename(file, file + ASIDE)
    app.logger.warning(
      `The state file ${file} is none of this package or is damaged; it was renamed to ${file}${ASIDE}, and the worker begins without`,
    )
    return undefined
  }

  async #write(file: string, worker: ComponentHost): Promise<void> {
    const text = JSON.stringify(save(worker))
    const before = this.#writing
    this.#writing = before.then(
      () => replace(file, text),
      () => replace(file, text),
    )
    await this.#writing
  }
}

function save({ app, state }: ComponentHost): SavedState {
  const nowMs = app.clock.now()
  const revoked = state.revoked.ages().map(([id, ageMs]): [string, number] => [id, Math.round(nowMs - ageMs)])
  return { format: FORMAT, clock: app.logicalClock.time, revoked }
}

function restore({ app, state }: ComponentHost, saved: SavedState | undefined): void {
  if (saved === undefined) return
  app.logicalClock.adjust(saved.clock)
  const nowMs = app.clock.now()
  for (const [id, addedMs] of saved.revoked) state.revoked.add(id, Math.max(nowMs - addedMs, 0))
}

function parse(text: string): SavedState | undefined {
  try {
    const saved: unknown = JSON.parse(text)
    return isSavedState(saved) ? saved : undefined
  } catch {
    return undefined
  }
}

function isSavedState(saved: unknown): saved is SavedState {
  if (!isRecord(saved) || saved['format'] !== FORMAT || typeof saved['clock'] !== 'number') return false
  const { revoked } = saved
  return (
    Array.isArray(revoked) &&
    revoked.every((one) => Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'number')
  )
}

/** The whole file is on disk before it takes the old one's place. */
async function replace(file: string, text: string): Promise<void> {
  const next = `${file}.${String(process.pid)}.new`
  try {
    const handle = await open(next, 'w')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(next, file)
  } catch (error) {
    await unlink(next).catch(() => undefined)
    throw unusable(file, error)
  }
}

function unusable(file: string, error: unknown): ImproperlyConfigured {
  return new ImproperlyConfigured(`The state file ${file} cannot be used: ${asError(error).message}`, { cause: error })
}
