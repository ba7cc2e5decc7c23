/**
 * Running in the background (`--detach`). The command that is typed starts the same command line again in a session of its
 * own, with no terminal, and waits until that one says that it is up, or why it is not. The daemon has a pipe for this.
 *
 *     foreground --spawns--> daemon: app loaded, log open, pidfile taken, broker there --"ready"--> foreground ends with 0
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { EXIT_FAILURE } from './command.ts'
import type { Output } from './output.ts'

/** In the environment of a daemon: the descriptor of the pipe, or empty where nobody listens. */
const VARIABLE = 'CELERIAC_DAEMON'
const PIPE_FD = 3
/** A daemon that has started and waits for its broker is left to itself after this. */
const PATIENCE_MS = 10_000

/** What a daemon tells the command that started it. */
type News =
  /** It has all that can fail for good: app, log, pidfile. */
  | { readonly kind: 'started'; readonly hostname: string; readonly logs: boolean }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly text: string; readonly exitCode: number }

/** The command line that is to be started again. */
export interface CommandLine {
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What a session knows of it. */
interface Foreground {
  readonly process: CommandLine
  readonly output: Output
  readonly startFolder: string
}

/** This process as a daemon, towards the command that started it. */
export class Daemon {
  #fd: number | undefined

  /** The daemon that this process is, if it is one. Its own child processes are none. */
  static from(env: NodeJS.ProcessEnv): Daemon | undefined {
    const given = env[VARIABLE]
    if (given === undefined) return undefined
    Reflect.deleteProperty(env, VARIABLE)
    return new Daemon(given === '' ? undefined : Number(given))
  }

  private constructor(fd: number | undefined) {
    this.#fd = fd
  }

  started(hostname: string, logs: boolean): void {
    this.#tell({ kind: 'started', hostname, logs })
  }

  ready(): void {
    this.#tell({ kind: 'ready' })
    this.#close()
  }

  /** Nothing after `ready`. */
  failed(text: string, exitCode: number): void {
    this.#tell({ kind: 'failed', text, exitCode })
    this.#close()
  }

  #tell(news: News): void {
    if (this.#fd === undefined) return
    try {
      writeSync(this.#fd, `${JSON.stringify(news)}\n`)
    } catch {
      // The command has been interrupted; the daemon goes on.
    }
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

/**
 * Start this command line again as a daemon, run by this Node.js or another one. Resolves with the exit code when it is up,
 * or is not.
 */
export async function detach({ process, output, startFolder }: Foreground, executable?: string): Promise<number> {
  const daemon = spawnDaemon(process, startFolder, String(PIPE_FD), executable)
  const end = await listen(daemon)
  if (end.news?.kind === 'failed') {
    output.error(end.news.text)
    return end.news.exitCode
  }
  if (end.news === undefined || end.exit !== undefined) {
    const how = end.exit === undefined ? 'said nothing' : `ended (${end.exit})`
    output.error(`The daemon ${how} before it was up. Its log may say why, or the same command without --detach.`)
    return EXIT_FAILURE
  }
  const { hostname, logs } = end.started ?? { hostname: '', logs: true }
  const state = end.news.kind === 'ready' ? 'is up' : 'has started and still waits for its broker'
  output.note(`${hostname} ${state} (process ${String(daemon.pid)})`)
  if (!logs) output.note('It has no --logfile, so what it logs is lost.')
  return 0
}

/** Start this command line once more, in the place of this daemon. */
export function replaceDaemon({ process, startFolder }: Omit<Foreground, 'output'>): void {
  spawnDaemon(process, startFolder, '').unref()
}

function spawnDaemon(
  { argv, execArgv, env }: CommandLine,
  cwd: string,
  pipe: string,
  executable: string = globalThis.process.execPath,
): ChildProcess {
  return spawn(executable, [...execArgv, ...argv.slice(1)], {
    cwd,
    env: { ...env, [VARIABLE]: pipe },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', pipe === '' ? 'ignore' : 'pipe'],
  })
}

/** What a daemon said, and how it ended if it did. */
interface End {
  readonly started: Extract<News, { kind: 'started' }> | undefined
  /** The last thing it said. */
  readonly news: News | undefined
  readonly exit: string | undefined
}

function listen(daemon: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    let started: End['started']
    let news: News | undefined
    let text = ''
    let patience: NodeJS.Timeout | undefined
    const settle = (exit?: string): void => {
      clearTimeout(patience)
      daemon.unref()
      resolve({ started, news, exit })
    }
    const pipe = daemon.stdio[PIPE_FD] as Readable
    pipe.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        news = JSON.parse(line) as News
        if (news.kind !== 'started') settle()
        else {
          started = news
          patience = setTimeout(settle, PATIENCE_MS)
        }
      }
    })
    pipe.on('error', () => undefined)
    daemon.once('error', (error) => {
      settle(error.message)
    })
    // After the pipe's end, so that its last words have been read.
    daemon.once('close', (code, signal) => {
      settle(signal ?? `exit code ${String(code)}`)
    })
  })
}
