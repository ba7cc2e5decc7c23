/**
 * A pidfile: whoever has it runs, and nobody else may. It holds the process id as text, as Celery's. A file whose process
 * is gone is taken over.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { AlreadyRunning, ImproperlyConfigured } from '../errors.ts'
import { asError } from '../util/as-error.ts'

/** What this file needs of the process: Node's own, or a test's. */
export interface Processes {
  /** The own id. */
  readonly pid: number
  kill(pid: number, signal: 0): unknown
}

export class Pidfile {
  readonly path: string
  readonly #processes: Processes

  constructor(path: string, processes: Processes = globalThis.process) {
    this.path = path
    this.#processes = processes
  }

  /**
   * Take it for this process. Throws `AlreadyRunning` where another one that lives has it, `ImproperlyConfigured` where
   * it cannot be written, or holds something that is no process id.
   */
  acquire(): void {
    try {
      if (this.#make()) return
      this.#removeStale()
      // Another one may have been quicker.
      if (!this.#make()) throw new AlreadyRunning(this.path, this.read() ?? 0)
    } catch (error) {
      if (error instanceof AlreadyRunning || error instanceof ImproperlyConfigured) throw error
      throw new ImproperlyConfigured(`The pidfile ${this.path} cannot be written: ${asError(error).message}`, {
        cause: error,
      })
    }
  }

  /** Remove it, if it is that of this process. May be called twice. Never throws. */
  release(): void {
    try {
      if (this.read() === this.#processes.pid) rmSync(this.path, { force: true })
    } catch {
      // It is not ours to remove any more; the next start finds it stale.
    }
  }

  /** The process id in it; undefined where there is no file. Throws `ImproperlyConfigured` where it holds anything else. */
  read(): number | undefined {
    return readPid(this.path)
  }

  /** The id of the process that has it, if that lives. */
  owner(): number | undefined {
    const pid = this.read()
    return pid !== undefined && isAlive(pid, this.#processes) ? pid : undefined
  }

  /** False where there is one already. The name appears with its content, so that nobody reads half a file. */
  #make(): boolean {
    const draft = `${this.path}.${String(this.#processes.pid)}`
    const fd = openSync(draft, 'w', 0o644)
    try {
      writeSync(fd, `${String(this.#processes.pid)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    try {
      linkSync(draft, this.path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      rmSync(draft, { force: true })
    }
  }

  /** Taken aside before it is removed: what another process has made in the meantime is put back. */
  #removeStale(): void {
    const stale = this.read()
    if (stale === undefined) return
    // In a container each start has the same process id.
    if (stale !== this.#processes.pid && isAlive(stale, this.#processes)) throw new AlreadyRunning(this.path, stale)
    const aside = `${this.path}.${String(this.#processes.pid)}.stale`
    renameSync(this.path, aside)
    const moved = readPid(aside)
    if (moved !== stale) linkSync(aside, this.path)
    rmSync(aside, { force: true })
    if (moved !== undefined && moved !== stale) throw new AlreadyRunning(this.path, moved)
  }
}

/** Is there such a process, and is it ours? One of another user is not the one that was started here. */
export function isAlive(pid: number, processes: Processes = globalThis.process): boolean {
  try {
    processes.kill(pid, 0)
    return !isZombie(pid)
  } catch {
    return false
  }
}

/** Ended, and not yet noticed by whoever has to: for ever, in a container without an init process. */
function isZombie(pid: number): boolean {
  return readText(`/proc/${String(pid)}/stat`)?.includes(') Z ') === true
}

function readPid(path: string): number | undefined {
  const text = readText(path)?.trim()
  if (text === undefined) return undefined
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new ImproperlyConfigured(
    `The pidfile ${path} holds no process id. If nothing runs that belongs to it, remove it and start again.`,
  )
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
