/** Which files the demo looks at: the scripts, declarations and documents of a folder and of all folders below it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const WANTED = /\.(md|[cm]?[jt]s)$/

export function findFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && WANTED.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}
