import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { readProcessTable } from '../../../../src/transport/sqlite/process.ts'
import type { ProcessIdentity } from '../../../../src/transport/sqlite/process.ts'
import { waitFor } from '../../../support/wait-for.ts'

const table = readProcessTable()
const isLinux = process.platform === 'linux'

describe('a process', () => {
  it('knows itself', () => {
    expect(table.verdict(table.self)).toBe(isLinux ? 'alive' : 'unknown')
    const before = table.monotonicMs()
    expect(table.monotonicMs()).toBeGreaterThanOrEqual(before)
  })

  it('is gone when there is none of its number', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const pid = String(child.pid)
    const plain: ProcessIdentity = { ...table.self, thread: pid, started: '' }
    expect(table.verdict(plain)).toBe('unknown')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(table.verdict(plain)).toBe('gone')
    expect(table.verdict({ ...plain, thread: `${pid}/task/${pid}`, started: '1' })).toBe('gone')
  })

  it.runIf(isLinux)('is gone when another one has its number', () => {
    expect(table.verdict({ ...table.self, started: '1' })).toBe('gone')
  })

  it.runIf(isLinux)('that was killed is gone though its parent did not notice yet', async () => {
    // The shell becomes a program that never asks after its child.
    const parent = spawn('sh', ['-c', 'sleep 100 & echo $!; exec sleep 100'])
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = line.toString().trim()
    // As long as it is the shell, it would notice.
    await waitFor(() => readFileSync(`/proc/${String(parent.pid)}/comm`, 'latin1').trim() === 'sleep')
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    const identity = { ...table.self, thread: `${pid}/task/${pid}`, started: fields[19]! }
    expect(table.verdict(identity)).toBe('alive')
    process.kill(Number(pid), 'SIGKILL')
    // Gone from the moment on in which it cannot do anything any more.
    await waitFor(() => table.verdict(identity) === 'gone')
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z ')
    parent.kill('SIGKILL')
  })

  it('in another place is not known', () => {
    expect(table.verdict({ ...table.self, boot: 'other' })).toBe('unknown')
    expect(table.verdict({ ...table.self, space: 'other', thread: '999999999' })).toBe('unknown')
  })

  it.runIf(isLinux)('has threads that end before it', async () => {
    const code = `
      const { readlinkSync } = require('node:fs')
      require('node:worker_threads').parentPort.postMessage(readlinkSync('/proc/thread-self'))`
    const worker = new Worker(code, { eval: true })
    const [thread] = (await once(worker, 'message')) as [string]
    expect(thread).not.toBe(table.self.thread)
    await worker.terminate()
    expect(table.verdict({ ...table.self, thread })).toBe('gone')
  })
})
