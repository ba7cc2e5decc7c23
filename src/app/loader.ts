/**
 * Loads user modules, TypeScript or JavaScript, and finds the app in one of them. Says exactly what is wrong: no such
 * file, no such export, or an error in the file itself. What to import, and when, is the caller's matter.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import type { Celery } from './celery.ts'

/** Marks the prototype of `Celery`, so that an app of another copy of this package is recognised too. */
export const appBrand: unique symbol = Symbol.for('celeriac.app')

/** Where an app lives. Plain data: a worker's children find their app by it. */
export interface AppLocation {
  /** Absolute path of the module. */
  readonly file: string
  /** The export's name; by default the one that is a `Celery`. */
  readonly exportName: string | undefined
}

type Exports = Readonly<Record<string, unknown>>

const SCRIPT_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cts', '.cjs', '.tsx'] as const
const TYPESCRIPT = /\.[cm]?tsx?$/
/** Looked for in a folder that is given as the app. */
const APP_FILES = ['celery', 'app', 'index'] as const
/** Exports tried first, as Celery does. */
const APP_EXPORTS = ['app', 'celery', 'default'] as const

/** Is `value` an app, even of another copy of this package? */
export function isApp(value: unknown): value is Celery {
  return typeof value === 'object' && value !== null && appBrand in value
}

/**
 * Import a module by its absolute path; the same path gives the same module every time. TypeScript is translated on the
 * way in (types are not checked) and may use the `paths` of its tsconfig.json. Import modules that share others one
 * after another, not at the same time: a translated module that still awaits something is seen half done by the second.
 *
 * Throws `ImproperlyConfigured` when there is no such file, and when the module throws while it loads: then `cause` is
 * its error.
 */
export async function importModule(file: string): Promise<Exports> {
  if (!existsSync(file)) throw new ImproperlyConfigured(missingFile(file, dirname(file)))
  // Node and jiti both know a module by its real path.
  const path = realpathSync(file)
  try {
    const exports: unknown = TYPESCRIPT.test(path)
      ? await importTypeScript(path)
      : await import(pathToFileURL(path).href)
    return exports as Exports
  } catch (error) {
    throw new ImproperlyConfigured(await failedToLoad(path, error), { cause: error })
  }
}

/** Find and load the app that `spec` names; `cwd` is where relative paths start. Throws as `locateApp` and `loadApp` do. */
export async function findApp(spec: string, cwd: string): Promise<Celery> {
  return loadApp(locateApp(spec, cwd))
}

/**
 * Which file and export an app option means: `app.ts`, `src/app` or `proj.app` (dots as in Python), each with an
 * optional `:export`. A folder stands for its `celery`, `app` or `index` module.
 * Throws `ImproperlyConfigured` when there is no such file.
 */
export function locateApp(spec: string, cwd: string): AppLocation {
  const { path, exportName } = splitSpec(spec)
  const file = findFile(path, cwd) ?? findFile(path.replaceAll('.', '/'), cwd)
  if (file === undefined) throw new ImproperlyConfigured(missingFile(path, cwd))
  return { file, exportName }
}

/**
 * Load the app: the named export, else `app`, `celery` or the default one, else the first export that is an app.
 * Throws `ImproperlyConfigured` when there is none, and as `importModule` does.
 */
export async function loadApp(location: AppLocation): Promise<Celery> {
  const exports = await importModule(location.file)
  return location.exportName === undefined
    ? anyApp(exports, location.file)
    : namedApp(exports, location.exportName, location.file)
}

function namedApp(exports: Exports, name: string, file: string): Celery {
  if (!(name in exports)) {
    throw new ImproperlyConfigured(
      `${shown(file)} has no export "${name}"${didYouMean(name, Object.keys(exports))} ${listExports(exports)}`,
    )
  }
  const value = exports[name]
  if (!isApp(value)) throw new ImproperlyConfigured(`The export "${name}" of ${shown(file)} is not a Celery app.`)
  return value
}

function anyApp(exports: Exports, file: string): Celery {
  for (const name of [...APP_EXPORTS, ...Object.keys(exports)]) {
    const value = Object.hasOwn(exports, name) ? exports[name] : undefined
    if (isApp(value)) return value
  }
  throw new ImproperlyConfigured(
    `${shown(file)} exports no Celery app: write "export const app = new Celery(...)" there. ${listExports(exports)}`,
  )
}

function listExports(exports: Exports): string {
  const names = Object.keys(exports)
  return names.length === 0 ? '(It exports nothing.)' : `(Its exports: ${names.join(', ')}.)`
}

/** The part behind the last colon is the export; the colon of a Windows drive is none. */
function splitSpec(spec: string): { path: string; exportName: string | undefined } {
  const match = /^(.{2,}):([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u.exec(spec)
  return match?.[1] === undefined ? { path: spec, exportName: undefined } : { path: match[1], exportName: match[2] }
}

function findFile(path: string, cwd: string): string | undefined {
  const full = resolve(cwd, path)
  const inFolder = APP_FILES.flatMap((name) => SCRIPT_EXTENSIONS.map((extension) => join(full, name + extension)))
  const candidates = [full, ...SCRIPT_EXTENSIONS.map((extension) => full + extension), ...inFolder]
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true)
}

function missingFile(path: string, cwd: string): string {
  const full = resolve(cwd, path)
  const folder = dirname(full)
  if (!existsSync(folder)) return `There is no file ${full}: the folder ${folder} does not exist.`
  const scripts = readdirSync(folder).filter((name) => SCRIPT_EXTENSIONS.some((extension) => name.endsWith(extension)))
  const wanted = basename(full)
  const names = extname(wanted) === '' ? scripts.map((name) => basename(name, extname(name))) : scripts
  return `There is no file ${full}${didYouMean(wanted, names) || '.'}`
}

async function importTypeScript(path: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  return createJiti(path, { tsconfigPaths: true, fsCache: translationCache(path) }).import(path)
}

/** Kept with the project: a folder that every user of the machine can write to would let them plant code. */
function translationCache(path: string): string | false {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules')
    if (existsSync(modules)) return join(modules, '.cache', 'celeriac')
    if (folder === dirname(folder)) return false
  }
}

async function failedToLoad(path: string, error: unknown): Promise<string> {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const place = await placeOfSyntaxError(path, error)
  return `${shown(path)} could not be loaded. ${message}${place === undefined ? '' : `\n\n${place}`}`
}

/**
 * Node keeps the place of a syntax error from whoever catches it, but prints it when nobody does. So a second Node is
 * asked: it links all that `path` imports, and ends before the first line of it runs.
 */
async function placeOfSyntaxError(path: string, error: unknown): Promise<string | undefined> {
  if (!(error instanceof SyntaxError) || error.stack?.includes('file://') === true) return undefined
  const program = `import 'data:text/javascript,process.exit()'; import ${JSON.stringify(pathToFileURL(path).href)}`
  const node = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 10_000 })
  const stderr = await node.then(() => '', standardError)
  return /^file:\/\/.*(?:\n.+){0,2}/m.exec(stderr)?.[0]
}

function standardError(error: unknown): string {
  return error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
}

/** Short where it can be: relative to the working directory when it is inside. */
function shown(file: string): string {
  const short = relative(process.cwd(), file)
  return short.startsWith('..') || isAbsolute(short) ? file : short
}
