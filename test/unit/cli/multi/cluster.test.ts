import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { ownerOf, signalNode, startNode, waitUntilDown } from '../../../../src/cli/multi/cluster.ts'
import type { Node } from '../../../../src/cli/multi/nodes.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

function node(program: string): Node & { folder: string } {
  const folder = temporaryDirectory()
  return {
    folder,
    nodename: 'w1@here',
    pidfile: join(folder, 'run/w1.pid'),
    logfile: join(folder, 'log/w1.log'),
    command: [process.execPath, '--eval', program],
  }
}

it('makes the folders, runs the command, and sees that somebody has the pidfile', async () => {
  const up = node(`fs.writeFileSync('run/w1.pid', String(process.ppid)); console.log('hello')`)
  expect(await startNode(up, up.folder)).toEqual({ exitCode: 0, output: 'hello\n' })
  expect(existsSync(join(up.folder, 'log'))).toBe(true)
  expect(ownerOf(up)).toBe(process.pid)
})

it('tells how a command fails, and of one that leaves nobody behind', async () => {
  const bad = node(`console.error('oh'); process.exit(3)`)
  expect(await startNode(bad, bad.folder)).toEqual({ exitCode: 3, output: 'oh\n' })
  const gone = node('0')
  expect(await startNode(gone, gone.folder)).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('no process has'),
  })
  expect(await startNode({ ...gone, command: ['/no/such/program'] }, gone.folder)).toMatchObject({ exitCode: 1 })
  expect(await startNode({ ...gone, pidfile: '/dev/null/w1.pid' }, gone.folder)).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('name others with --pidfile'),
  })
})

it('signals the process of the pidfile, and waits until it is gone', async () => {
  const some = node('0')
  await startNode(some, some.folder)
  expect(signalNode(some, 'SIGTERM')).toBeUndefined()
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  writeFileSync(some.pidfile, `${String(child.pid)}\n`)
  expect(signalNode(some, 'SIGTERM')).toBe(child.pid)
  await waitUntilDown(some, child.pid ?? 0)
  expect(ownerOf(some)).toBeUndefined()
})
