/** Files by glob, sorted: which task modules `autodiscoverTasks` means. */
import { readdirSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'

/** The files that `glob` names, below `folder`: `*` is part of a name, `**` any number of folders. Absolute, sorted. */
export function findFiles(glob: string, folder: string): string[] {
  const base = resolve(folder, fixedPart(glob))
  const pattern = patternOf(relative(base, resolve(folder, glob)))
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(base, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/') && pattern.test(path))
    .sort()
    .map((path) => join(base, path))
}

/** The folders in front of the first wildcard. */
function fixedPart(glob: string): string {
  const parts = glob.split('/')
  const wild = parts.findIndex((part) => /[*?]/.test(part))
  return parts.slice(0, wild === -1 ? -1 : wild).join('/') || '.'
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
