/**
 * Loads user modules, TypeScript or JavaScript, and says exactly what is wrong when it cannot: no such file, or an error
 * in the file itself. Which module to load, and when, is the caller's matter.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'

/** Marks the prototype of `Celery`, so that an app of another copy of this package is recognised too. */
export const appBrand: unique symbol = Symbol.for('celeriac.app')

/** Where an app lives. Plain data: a worker's children find their app by it. */
export interface AppLocation {
  /** Absolute path of the module. */
  readonly file: string
  /** The export's name; by default the one that is a `Celery`. */
  readonly exportName: string | undefined
}

/** What a module exports, by name. */
export type Exports = Readonly<Record<string, unknown>>

/** Endings that a module may have, in the order they are tried. */
export const SCRIPT_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cts', '.cjs', '.tsx'] as const

const TYPESCRIPT = /\.[cm]?tsx?$/

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
    const exports: unknown = isTranslated(path) ? await importTranslated(path) : await import(pathToFileURL(path).href)
    return exports as Exports
  } catch (error) {
    throw new ImproperlyConfigured(await failedToLoad(path, error), { cause: error })
  }
}

/** The error's text for a file that is not there: where it was looked for, and which one may be meant. */
export function missingFile(path: string, cwd: string): string {
  const full = resolve(cwd, path)
  const folder = dirname(full)
  if (!existsSync(folder)) return `There is no file ${full}: the folder ${folder} does not exist.`
  const scripts = readdirSync(folder).filter((name) => SCRIPT_EXTENSIONS.some((extension) => name.endsWith(extension)))
  const wanted = basename(full)
  const names = extname(wanted) === '' ? scripts.map((name) => basename(name, extname(name))) : scripts
  return `There is no file ${full}${didYouMean(wanted, names) || '.'}`
}

/**
 * TypeScript; and `.js` files of packages that do not say which modules they have: TypeScript modules would import a
 * translated one, so everybody must get that.
 */
function isTranslated(path: string): boolean {
  return TYPESCRIPT.test(path) || (path.endsWith('.js') && !saysItsType(dirname(path)))
}

/** Does the nearest package.json have a `type`? */
function saysItsType(folder: string): boolean {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return /"type"\s*:/.test(readFileSync(file, 'utf8'))
  return folder !== dirname(folder) && saysItsType(dirname(folder))
}

async function importTranslated(path: string): Promise<unknown> {
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
  return `${shownPath(path)} could not be loaded. ${message}${place === undefined ? '' : `\n\n${place}`}`
}

/**
 * Node keeps the place of a syntax error from whoever catches it, but prints it when nobody does. So a second Node is
 * asked: it links all that `path` imports, and ends before the first line of it runs.
 */
async function placeOfSyntaxError(path: string, error: unknown): Promise<string | undefined> {
  if (!(error instanceof SyntaxError) || isThrownByCode(error)) return undefined
  const program = `import 'data:text/javascript,process.exit()'; import ${JSON.stringify(pathToFileURL(path).href)}`
  const node = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 10_000 })
  const stderr = await node.then(() => '', standardError)
  return /^file:\/\/.*(?:\n.+){0,2}/m.exec(stderr)?.[0]
}

/** Code throws syntax errors too, such as those of `JSON.parse`; those of modules come from Node itself. */
function isThrownByCode({ stack = '' }: SyntaxError): boolean {
  return /^ +at .*(?<origin>node:|file:\/\/)/m.exec(stack)?.groups?.['origin'] === 'file://'
}

function standardError(error: unknown): string {
  return error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
}

/** A path for messages: relative to the working directory when it is inside. */
export function shownPath(file: string): string {
  const short = relative(process.cwd(), file)
  return short.startsWith('..') || isAbsolute(short) ? file : short
}
