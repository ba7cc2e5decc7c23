/** What the tasks found, for people. */
import { extname, relative } from 'node:path'
import type { FileFacts } from './tasks.ts'

export function report(folder: string, files: readonly FileFacts[], seconds: number): string {
  const bytes = sum(files, (file) => file.bytes)
  const gzipped = sum(files, (file) => file.gzipped)
  const copies = files.length - new Set(files.map((file) => file.sha256)).size
  const big = largest(files)
  const [extension = 'none', withIt = 0] = mostCommon(files.map((file) => extname(file.path)))
  const rows: [string, string][] = [
    ['files', `${whole(files.length)}, of which ${whole(copies)} are copies of others`],
    ['size', `${megabytes(bytes)}, gzipped ${megabytes(gzipped)} (${whole((gzipped / bytes) * 100)} %)`],
    ['lines', whole(sum(files, (file) => file.lines))],
    ['words', whole(sum(files, (file) => file.words))],
    ['largest', `${relative(folder, big.path)}, ${megabytes(big.bytes)}`],
    ['most common', `${extension}, ${whole(withIt)} files`],
    [
      'time',
      `${seconds.toFixed(1)} s: ${whole(files.length / seconds)} files and ${megabytes(bytes / seconds)} a second`,
    ],
  ]
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')
}

function sum(files: readonly FileFacts[], amount: (file: FileFacts) => number): number {
  return files.reduce((total, file) => total + amount(file), 0)
}

function largest(files: readonly FileFacts[]): FileFacts {
  return files.reduce((one, other) => (other.bytes > one.bytes ? other : one))
}

function mostCommon(names: readonly string[]): readonly [name?: string, count?: number] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort(([, one], [, other]) => other - one)[0] ?? []
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
