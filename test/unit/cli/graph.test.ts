import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ResultGraph } from '../../../src/result/graph.ts'
import type { Result } from '../../../src/result/result.ts'
import { main } from '../../../src/cli/main.ts'
import { FakeProcess, runCommandLine } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let cwd: string

beforeEach(() => {
  cwd = temporaryDirectory()
})

function fakeApp(replies: readonly object[] = []) {
  const graph = vi.fn(() => Promise.resolve(new ResultGraph([[undefined, { id: 'first' } as Result]])))
  return {
    conf: { update: vi.fn() },
    worker: vi.fn(),
    prepare: () => Promise.resolve({ brokerReadUrl: 'redis://me:hush@h/0', resultBackend: null }),
    control: { ask: vi.fn(() => Promise.resolve(replies)) },
    asyncResult: vi.fn(() => ({ graph })),
    graph,
  }
}

describe('graph workers', () => {
  it('draws the workers that answer, and no passwords', async () => {
    const app = fakeApp([{ 'b@h': { pool: { 'max-concurrency': 2 } } }, { 'a@h': { error: 'no such command' } }])
    const { code, stdout } = await runCommandLine(['graph', 'workers', '-t', '3'], { app })
    expect(code).toBe(0)
    expect(app.control.ask).toHaveBeenCalledWith('stats', { timeout: 3 })
    expect(stdout).toMatch(
      /^digraph cluster \{\n[^]*redis:\/\/me:\*\*@h\/0[^]*"a@h" \[[^]*"b@h" \[[^]*"b@h 1" -> "b@h"[^]*\}\n$/,
    )
    expect(stdout).not.toContain('hush')
  })

  it('draws a cluster that is only told of', async () => {
    const words = [
      'nodes:w1,w2',
      'threads:1',
      'broker:amqp://here',
      'backend:rpc://',
      'generic',
      'enumerate',
      'wmax:9',
      'tmax:9',
    ]
    const app = fakeApp()
    const { stdout } = await runCommandLine(['graph', 'workers', ...words], { app })
    expect(stdout).toContain('Broker (amqp://)')
    expect(stdout).toContain('Backend (rpc://)')
    expect(stdout).toContain('Worker₂')
    expect(app.control.ask).not.toHaveBeenCalled()
  })

  it('ends with 69 where nobody answers', async () => {
    expect(await runCommandLine(['graph', 'workers'], { app: fakeApp() })).toMatchObject({ code: 69, stdout: '' })
  })

  it.each([
    [['node:a'], 'did you mean "nodes"?'],
    [['x'], 'there are nodes, threads'],
    [['nodes:a', 'wmax:x'], 'wmax must be a whole number'],
    [['nodes:a', '-o', 'x.png'], 'must end in .svg or .dot'],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await runCommandLine(['graph', 'workers', ...words], { app: fakeApp() })
    expect(code).toBe(1)
    expect(stderr).toContain(message)
  })

  it('writes files', async () => {
    const run = (file: string) => runCommandLine(['graph', 'workers', 'nodes:w1', '-o', file], { app: fakeApp(), cwd })
    expect(await run('x.dot')).toMatchObject({ code: 0, stdout: '', stderr: 'Written to x.dot.\n' })
    expect(readFileSync(join(cwd, 'x.dot'), 'utf8')).toMatch(/^digraph/)
    await run('x.svg')
    expect(readFileSync(join(cwd, 'x.svg'), 'utf8')).toMatch(/<svg[^]*w1/)
  })
})

describe('graph signature', () => {
  const FLOW = JSON.stringify({ task: 'proj.add', args: [2, 2] })

  it('draws what a file or standard input holds', async () => {
    writeFileSync(join(cwd, 'flow.json'), FLOW)
    const fromFile = await runCommandLine(['graph', 'signature', 'flow.json'], { cwd })
    expect(fromFile.stdout).toMatch(/^digraph flow \{\n.*proj\.add\(2, 2\)[^]*\}\n$/)
    const process = new FakeProcess({ cwd })
    ;(process.stdin as NodeJS.ReadableStream & NodeJS.WritableStream).end(FLOW)
    expect(await main(['graph', 'signature'], process)).toBe(0)
    expect(process.stdout.text).toBe(fromFile.stdout)
  })

  it.each([
    ['nowhere.json', /No signature can be read from nowhere\.json: ENOENT/],
    ['bad.json', /No signature can be read from bad\.json: .*JSON/],
    ['none.json', /This is no signature/],
  ])('refuses %s', async (file, message) => {
    writeFileSync(join(cwd, 'bad.json'), '{')
    writeFileSync(join(cwd, 'none.json'), '1')
    const { code, stderr } = await runCommandLine(['graph', 'signature', file], { cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })
})

describe('graph result', () => {
  it('draws what a result led to, also while it runs', async () => {
    const app = fakeApp()
    const { code, stdout } = await runCommandLine(['graph', 'result', 'id-1'], { app })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^digraph dependencies \{\n {4}"first" \[/)
    expect(app.asyncResult).toHaveBeenCalledWith('id-1')
    expect(app.graph).toHaveBeenCalledWith({ intermediate: true })
  })
})
