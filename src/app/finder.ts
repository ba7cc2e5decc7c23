/**
 * Finds the app that a command line or a worker's child means: which file, which export, by Celery's rules. Loading the
 * file is `loader.ts`.
 */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import type { App } from './app.ts'
import { appBrand, importModule, missingFile, SCRIPT_EXTENSIONS, shownPath } from './loader.ts'
import type { AppLocation, Exports } from './loader.ts'

/** Looked for in a folder that is given as the app. */
const APP_FILES = ['celery', 'app', 'index'] as const
/** Exports tried first, as Celery does. */
const APP_EXPORTS = ['app', 'celery', 'default'] as const

/** Is `value` an app, even of another copy of this package? */
export function isApp(value: unknown): value is App {
  return typeof value === 'object' && value !== null && appBrand in value
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
export async function loadApp(location: AppLocation): Promise<App> {
  const exports = await importModule(location.file)
  return location.exportName === undefined
    ? anyApp(exports, location.file)
    : namedApp(exports, location.exportName, location.file)
}

function namedApp(exports: Exports, name: string, file: string): App {
  if (!(name in exports)) {
    throw new ImproperlyConfigured(
      `${shownPath(file)} has no export "${name}"${didYouMean(name, Object.keys(exports))} ${listExports(exports)}`,
    )
  }
  const value = exports[name]
  if (!isApp(value)) throw new ImproperlyConfigured(`The export "${name}" of ${shownPath(file)} is not a Celery app.`)
  return value
}

function anyApp(exports: Exports, file: string): App {
  for (const name of [...APP_EXPORTS, ...Object.keys(exports)]) {
    const value = Object.hasOwn(exports, name) ? exports[name] : undefined
    if (isApp(value)) return value
  }
  throw new ImproperlyConfigured(
    `${shownPath(file)} exports no Celery app: write "export const app = new Celery(...)" there. ${listExports(exports)}`,
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
