/**
 * What the commands of one command line share: the global options, the output, and the app with their overrides. Loads
 * the app when a command first asks for it, and closes it when the command is done.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { App } from '../app/app.ts'
import { loadConfigFile, readObject } from '../app/config-source.ts'
import { loadApp, locateApp } from '../app/finder.ts'
import { importModule, type AppLocation } from '../app/loader.ts'
import { Celery } from '../celery.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { Output, type TextStream } from './output.ts'

/** The process around the command line: Node's own `process`, or a test's. */
export interface CliProcess {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly stdout: TextStream
  readonly stderr: TextStream
  readonly env: NodeJS.ProcessEnv
  /** The program, its file, and the command line. */
  readonly argv: readonly string[]
  /** Options of the program itself. */
  readonly execArgv: readonly string[]
  /** What the system calls this process. */
  title: string
  cwd(): string
  chdir(folder: string): void
  umask(mask: number): unknown
  exit(code: number): never
  on(signal: NodeJS.Signals, listener: NodeJS.SignalsListener): unknown
  on(event: 'uncaughtExceptionMonitor', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: NodeJS.SignalsListener): unknown
  off(event: 'uncaughtExceptionMonitor', listener: (error: Error) => void): unknown
  off(event: 'exit', listener: () => void): unknown
}

/** What a daemon tells the command that started it; `daemon.ts` does so. */
export interface DaemonNews {
  /** It has all that can fail for good. `logs`: somewhere that can be read. */
  started(hostname: string, logs: boolean): void
  /** It is up. */
  ready(): void
}

/** Options that stand before or after any command. */
export interface GlobalOptions {
  readonly app?: string
  readonly broker?: string
  readonly resultBackend?: string
  readonly config?: string
  readonly workdir?: string
  readonly color: boolean
  readonly quiet?: boolean
}

/** Where an app is named in a project's package.json. */
interface PackageFile {
  readonly celeriac?: { readonly app?: unknown }
}

const WHERE_TO_NAME_THE_APP =
  'Name it with -A app.ts, in the environment variable CELERIAC_APP, or in package.json as "celeriac": { "app": "app.ts" }.'

export class Session {
  readonly output: Output
  readonly process: CliProcess
  /** This process as a daemon, if it is one. */
  readonly daemon: DaemonNews | undefined
  /** Where the command was typed; `--workdir` is relative to it. */
  readonly startFolder: string
  readonly #options: GlobalOptions
  #app: Celery | undefined

  /** Goes to the working directory that is asked for; throws `ImproperlyConfigured` when there is none. */
  constructor(options: GlobalOptions, process: CliProcess, daemon?: DaemonNews) {
    this.startFolder = process.cwd()
    this.daemon = daemon
    if (options.workdir !== undefined) enter(options.workdir, process)
    this.#options = options
    this.process = process
    this.output = new Output({
      // As it is now: a log file takes what is printed later, but the banner is for a person.
      stdout: { write: process.stdout.write.bind(process.stdout), isTTY: process.stdout.isTTY },
      stderr: process.stderr,
      color: options.color && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
      quiet: options.quiet ?? false,
    })
  }

  /** Leave out what is not asked for. */
  get quiet(): boolean {
    return this.#options.quiet ?? false
  }

  /** The user's app, or where none is named an empty one, for commands that only need its broker and backend. */
  async app(): Promise<Celery> {
    this.#app ??= await this.#load()
    return this.#app
  }

  /** Where the user's app is. Throws `ImproperlyConfigured` where none is named, or there is no such file. */
  appLocation(): AppLocation {
    const named = this.#appSpec()
    if (named === undefined) throw new ImproperlyConfigured(`Which app? ${WHERE_TO_NAME_THE_APP}`)
    return locateApp(named.spec, named.folder)
  }

  /** Close the app, if one was loaded. */
  async close(): Promise<void> {
    await this.#app?.close()
  }

  async #load(): Promise<Celery> {
    const named = this.#appSpec()
    const app = named === undefined ? new Celery() : await loadCelery(this.appLocation())
    const { broker, resultBackend, config } = this.#options
    if (config !== undefined) {
      app.conf.update(readObject(await loadConfigFile(resolve(this.process.cwd(), config), importModule)))
    }
    app.conf.update({
      ...(broker === undefined ? {} : { brokerUrl: broker }),
      ...(resultBackend === undefined ? {} : { resultBackend }),
    })
    return app
  }

  /** The app's name, and the folder that a relative path starts in. */
  #appSpec(): { spec: string; folder: string } | undefined {
    const cwd = this.process.cwd()
    const spec = this.#options.app ?? this.process.env['CELERIAC_APP']
    return spec === undefined || spec === '' ? appOfPackage(cwd) : { spec, folder: cwd }
  }
}

async function loadCelery(location: AppLocation): Promise<Celery> {
  const app = await loadApp(location)
  if (isCelery(app)) return app
  throw new ImproperlyConfigured(`The app in ${location.file} was not made with "new Celery(...)".`)
}

/** By what it can do: the app may come from another copy of this package. */
function isCelery(app: App): app is Celery {
  return 'worker' in app
}

function enter(folder: string, process: CliProcess): void {
  try {
    process.chdir(folder)
  } catch (error) {
    throw new ImproperlyConfigured(`--workdir: there is no folder ${folder} to go to.`, { cause: error })
  }
}

/** What the nearest package.json says. */
function appOfPackage(cwd: string): { spec: string; folder: string } | undefined {
  const file = nearestPackageFile(cwd)
  if (file === undefined) return undefined
  const spec = readPackageFile(file).celeriac?.app
  if (spec === undefined) return undefined
  if (typeof spec !== 'string')
    throw new ImproperlyConfigured(`"celeriac.app" in ${file} must be a text, such as "app.ts".`)
  return { spec, folder: dirname(file) }
}

function nearestPackageFile(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return file
  return folder === dirname(folder) ? undefined : nearestPackageFile(dirname(folder))
}

function readPackageFile(file: string): PackageFile {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PackageFile
  } catch (error) {
    throw new ImproperlyConfigured(`${file} could not be read: ${String(error)}`, { cause: error })
  }
}
