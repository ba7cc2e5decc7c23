/** `npm run demo` does its job and leaves nothing behind: no files, no processes. On a small folder, for speed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from './support/sources.ts'
import { temporaryDirectory } from './support/temporary-directory.ts'
import { waitFor } from './support/wait-for.ts'

function startDemo(folder: string): { output: () => string; exit: Promise<unknown[]>; tmp: string; group: number } {
  const tmp = temporaryDirectory()
  const child = spawn(join(ROOT, 'node_modules/.bin/jiti'), ['examples/files/main.ts', folder], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: tmp },
    detached: true,
  })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)))
  return { output: () => chunks.join(''), exit: once(child, 'close'), tmp, group: child.pid ?? 0 }
}

function leftovers(tmp: string): string[] {
  return readdirSync(tmp).filter((name) => name.startsWith('celeriac-demo-'))
}

function isGroupAlive(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

it('reports on every file, and on the words of all documents', async () => {
  const demo = startDemo('docs')
  const [code] = await demo.exit
  const count = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).length
  expect(code, demo.output()).toBe(0)
  expect(demo.output()).toContain(`100 %  ${String(count)} of ${String(count)}\n`)
  expect(demo.output()).toMatch(/^size {9}\d+\.\d MB, gzipped/m)
  expect(demo.output()).toContain(`counts the words of ${String(count)} documents`)
  expect(demo.output()).toMatch(/^\p{L}+ +\d+ █+$/mu)
  expect(demo.output()).toMatch(/^[\d,]+ long words, [\d,]+ different ones/m)
  expect(leftovers(demo.tmp)).toEqual([])
})

it('cleans up when it is interrupted', async () => {
  const demo = startDemo('node_modules')
  await waitFor(() => demo.output().includes('10 %'), { what: 'the first tenth', timeoutMs: 25_000 })
  process.kill(-demo.group, 'SIGINT')
  const [code] = await demo.exit
  expect(code, demo.output()).toBe(1)
  expect(leftovers(demo.tmp)).toEqual([])
  await waitFor(() => !isGroupAlive(demo.group), { what: 'all processes to end' })
})
