/**
 * `--reload`, for development: runs the same command line in a process of its own and starts it anew whenever a module of
 * the project changes. Running tasks end first. A worker that cannot start, for the code is wrong at the moment, has said
 * why; the next change is the next try.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { basename, relative } from 'node:path'
import { watch } from 'chokidar'
import { deferred } from '../util/deferred.ts'
import { EXIT_FAILURE } from './command.ts'
import type { Session } from './session.ts'
import { SHUTDOWN_SIGNALS } from './signals.ts'

/** In the environment of the process that does the work. */
const VARIABLE = 'CELERIAC_RELOADED'
/** What a module, or what one reads while it loads, is called. */
const SOURCES = /\.([cm]?[jt]sx?|json|ya?ml)$/
/** An editor, or a version control system, changes several files at a time. */
const QUIET_MS = 100

/** Is this process the one that `reload` has started? Its own child processes are not. */
export function isReloaded(env: NodeJS.ProcessEnv): boolean {
  const given = env[VARIABLE]
  Reflect.deleteProperty(env, VARIABLE)
  return given !== undefined
}

/** Run this command line until a signal ends it, or it ends by itself without an error. Answers its exit code. */
export async function reload(session: Session): Promise<number> {
  const changes = new Changes(session.process.cwd())
  const run = new Run(session)
  try {
    await changes.ready
    for (;;) {
      const ended = run.start()
      const first = await Promise.race([ended, changes.next()])
      if (typeof first === 'string') {
        session.output.note(`${first} has changed: restarting`)
        changes.forget()
        run.signal('SIGTERM')
        const exitCode = await ended
        if (run.isOver()) return exitCode
      } else {
        if (run.isOver() || first === 0) return first
        session.output.note('It starts again when a file changes.')
        await Promise.race([changes.next(), run.interrupted])
        if (run.isOver()) return first
        changes.forget()
      }
    }
  } finally {
    run.close()
    await changes.close()
  }
}

/** The process that does the work, one after the other; signals for this one are for that one. */
class Run {
  readonly #session: Session
  readonly #interrupted = deferred<undefined>()
  #child: ChildProcess | undefined
  #over = false

  constructor(session: Session) {
    this.#session = session
    for (const signal of [...SHUTDOWN_SIGNALS, 'SIGHUP'] as const) session.process.on(signal, this.#onSignal)
  }

  /** A signal has asked for the end. */
  isOver(): boolean {
    return this.#over
  }

  get interrupted(): Promise<undefined> {
    return this.#interrupted.promise
  }

  /** Resolves with its exit code. */
  start(): Promise<number> {
    const { process, startFolder } = this.#session
    const { argv, execArgv, env } = process
    const child = spawn(globalThis.process.execPath, [...execArgv, ...argv.slice(1)], {
      cwd: startFolder,
      env: { ...env, [VARIABLE]: '1' },
      stdio: 'inherit',
      // Ctrl+C is for this process, which hands it on.
      detached: true,
    })
    this.#child = child
    return new Promise((resolve) => {
      child.once('exit', (code) => {
        resolve(code ?? EXIT_FAILURE)
      })
      child.once('error', () => {
        resolve(EXIT_FAILURE)
      })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  close(): void {
    for (const signal of [...SHUTDOWN_SIGNALS, 'SIGHUP'] as const) this.#session.process.off(signal, this.#onSignal)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#over = true
    // The terminal is gone, and so is who wants to see the worker.
    this.signal(signal === 'SIGHUP' ? 'SIGTERM' : signal)
    this.#interrupted.resolve(undefined)
  }
}

/** Changes of the modules below a folder, but of installed and hidden ones. */
class Changes {
  readonly ready: Promise<void>
  readonly #folder: string
  readonly #watcher: ReturnType<typeof watch>
  #next = deferred<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.#watcher = watch(folder, {
      ignoreInitial: true,
      ignored: (path, stats) => path !== folder && isOfNoInterest(basename(path), stats?.isFile() === true),
    })
    this.ready = new Promise((resolve) => {
      this.#watcher.once('ready', resolve)
    })
    this.#watcher.on('all', (_event, path) => {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => {
        this.#next.resolve(relative(this.#folder, path))
      }, QUIET_MS)
    })
    // A folder that cannot be read changes without us.
    this.#watcher.on('error', () => undefined)
  }

  /** The path of the next file that changes, or has changed and is not forgotten. */
  next(): Promise<string> {
    return this.#next.promise
  }

  forget(): void {
    this.#next = deferred()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#watcher.close()
  }
}

function isOfNoInterest(name: string, isFile: boolean): boolean {
  return name.startsWith('.') || name === 'node_modules' || (isFile && !SOURCES.test(name))
}
