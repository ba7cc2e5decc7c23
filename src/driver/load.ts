/**
 * Imports optional packages when they are first needed: the module that was handed in, else the package as our own code
 * sees it, else as the user's project sees it. What the package is for, and how it is used, is the caller's matter.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ImproperlyConfigured, MissingDriver } from '../errors.ts'

const OWN_FOLDER = dirname(fileURLToPath(import.meta.url))

/**
 * The module of the package `packageName`. `neededFor` begins the sentence of the error: "The serializer yaml".
 * `provided` is a module that the user handed in, which is good for bundlers; it is taken as it is. Rejects with
 * `MissingDriver` where the package is not installed, with `ImproperlyConfigured` where it is and does not load.
 */
export async function importPeer<T = unknown>(packageName: string, neededFor: string, provided?: unknown): Promise<T> {
  if (provided !== undefined) return provided as T
  try {
    // A name that is not a literal: bundlers must not pull in what nobody asked for.
    return (await import(/* @vite-ignore */ packageName)) as T
  } catch (error) {
    if (!isMissing(error, packageName)) throw broken(packageName, neededFor, error)
    // Linked packages and strict package managers: our own folder may not see what the user's project does.
    const file = resolveFromProject(packageName)
    if (file === undefined) throw new MissingDriver(packageName, neededFor, { cause: error })
    return importFrom<T>(pathToFileURL(file).href, packageName, neededFor)
  }
}

/** The same for what cannot wait, and for packages that `require` can load. Throws as `importPeer` rejects. */
export function requirePeer(packageName: string, neededFor: string): unknown {
  const file = resolveFrom(OWN_FOLDER, packageName) ?? resolveFromProject(packageName)
  if (file === undefined) throw new MissingDriver(packageName, neededFor)
  try {
    return createRequire(file)(file)
  } catch (error) {
    throw broken(packageName, neededFor, error)
  }
}

/** The version of a package as `importPeer` would find it; undefined where it is not installed. */
export function installedVersion(packageName: string): string | undefined {
  const program = process.argv[1]
  const folders = [OWN_FOLDER, process.cwd(), ...(program === undefined ? [] : [dirname(program)])]
  for (const folder of folders) {
    for (const home of createRequire(join(folder, 'package.json')).resolve.paths(packageName) ?? []) {
      const version = readPackage(join(home, packageName, 'package.json'))?.version
      if (version !== undefined) return version
    }
  }
  return undefined
}

async function importFrom<T>(url: string, packageName: string, neededFor: string): Promise<T> {
  try {
    return (await import(/* @vite-ignore */ url)) as T
  } catch (error) {
    throw broken(packageName, neededFor, error)
  }
}

function broken(packageName: string, neededFor: string, error: unknown): ImproperlyConfigured {
  const reason = error instanceof Error ? error.message : String(error)
  return new ImproperlyConfigured(
    `${neededFor} needs the package "${packageName}", which is installed and does not load: ${reason}`,
    { cause: error },
  )
}

/** Is it this package that is not there, rather than something that it needs itself? */
function isMissing(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') return false
  return error.message.includes(`'${packageName}'`)
}

/** The file of the package as the working directory sees it, or else the program that was started. */
function resolveFromProject(packageName: string): string | undefined {
  const program = process.argv[1]
  for (const folder of [process.cwd(), ...(program === undefined ? [] : [dirname(program)])]) {
    const file = resolveFrom(folder, packageName)
    if (file !== undefined) return file
  }
  return undefined
}

function resolveFrom(folder: string, packageName: string): string | undefined {
  const require = createRequire(join(folder, 'package.json'))
  try {
    return require.resolve(packageName)
  } catch {
    // Not there, or for `import` only, which `require` does not resolve.
    return resolveModule(require.resolve.paths(packageName) ?? [], packageName)
  }
}

/** The entry that a package names for `import`, from the first of `folders` that has it. */
function resolveModule(folders: readonly string[], packageName: string): string | undefined {
  for (const folder of folders) {
    const home = join(folder, packageName)
    const exported = readPackage(join(home, 'package.json'))?.exports
    const entry = chooseEntry(isSubpaths(exported) ? exported['.'] : exported)
    if (entry !== undefined) return join(home, entry)
  }
  return undefined
}

function readPackage(file: string): { readonly exports?: unknown; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { exports?: unknown; version?: string }
  } catch {
    return undefined
  }
}

function isSubpaths(exported: unknown): exported is Record<string, unknown> {
  return typeof exported === 'object' && exported !== null && '.' in exported
}

const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default'])

/** The path behind the first condition that holds here; conditions may lie inside each other. */
function chooseEntry(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported
  if (typeof exported !== 'object' || exported === null) return undefined
  for (const [condition, value] of Object.entries(exported)) {
    const entry = CONDITIONS.has(condition) ? chooseEntry(value) : undefined
    if (entry !== undefined) return entry
  }
  return undefined
}
