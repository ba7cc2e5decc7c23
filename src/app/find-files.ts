/** Files by glob, sorted: which task modules `autodiscoverTasks` means. */
import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'

/**
 * The files that `glob` names, below `folder`: `*` is part of a name, `**` any number of folders. Absolute, sorted; none
 * where a folder is not there. Installed packages (`node_modules`) are not looked into.
 */
export function findFiles(glob: string, folder: string): string[] {
  const base = resolve(folder, fixedPart(glob))
  if (!existsSync(base)) return []
  const wanted = relative(base, resolve(folder, glob)).split(sep).join('/')
  const pattern = patternOf(wanted)
  const deepest = wanted.includes('**') ? Infinity : wanted.split('/').length
  return [...filesBelow(base, deepest)]
    .filter((path) => pattern.test(path))
    .map((path) => join(base, path))
    .sort()
}

/** Relative paths, with slashes, at most `depth` names long. */
function* filesBelow(folder: string, depth: number, prefix: string = ''): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = prefix + entry.name
    if (entry.isFile()) yield path
    else if (entry.isDirectory() && depth > 1 && entry.name !== 'node_modules') {
      yield* filesBelow(join(folder, entry.name), depth - 1, `${path}/`)
    }
  }
}

/** The folders in front of the first wildcard. */
function fixedPart(glob: string): string {
  const parts = glob.split('/')
  const wild = parts.findIndex((part) => /[*?]/.test(part))
  return parts.slice(0, wild === -1 ? -1 : wild).join('/') || (glob.startsWith('/') ? '/' : '.')
}

function patternOf(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === '**/') return '(?:[^/]+/)*'
      if (part === '**') return '.*'
      if (part === '*') return '[^/]*'
      if (part === '?') return '[^/]'
      return part.replace(/[.+^${}()|[\]\\]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${source}$`)
}
