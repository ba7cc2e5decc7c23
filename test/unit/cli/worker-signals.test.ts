import { describe, expect, it, vi } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { Daemon } from '../../../src/cli/daemon.ts'
import { Session } from '../../../src/cli/session.ts'
import { watchSignals } from '../../../src/cli/worker-signals.ts'
import { createLogger } from '../../../src/util/logger.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { Exit, FakeProcess } from '../../support/command-line.ts'

function watch(options: { daemon?: boolean; terminal?: boolean } = {}) {
  const process = new FakeProcess({ terminal: options.terminal ?? false })
  const lines: string[] = []
  const app = new App('proj', { logger: createLogger({ write: ({ message }) => lines.push(message) }) })
  const worker = { stop: vi.fn(() => Promise.resolve()) }
  const daemon = options.daemon === true ? Daemon.from({ CELERIAC_DAEMON: '' }) : undefined
  const signals = watchSignals(worker as unknown as Worker, app, new Session({ color: false }, process, daemon))
  return { process, worker, lines, signals }
}

describe('SIGHUP', () => {
  it('has a daemon end warm, and start again', () => {
    const { process, worker, signals } = watch({ daemon: true })
    signals.ready()
    process.emit('SIGHUP', 'SIGHUP')
    expect(worker.stop).toHaveBeenCalledWith('warm')
    expect([signals.restarts(), signals.exitCode()]).toEqual([true, 0])
  })

  it('does nothing to others but to say so, and is not listened to at a terminal', () => {
    const { process, worker, lines, signals } = watch()
    process.emit('SIGHUP', 'SIGHUP')
    expect([worker.stop.mock.calls.length, signals.restarts(), lines.length]).toEqual([0, false, 1])
    expect(watch({ terminal: true }).process.eventNames()).not.toContain('SIGHUP')
  })
})

it('a shutdown before there are tasks ends the process, and after unwatch it does nothing', () => {
  const { process, signals } = watch()
  expect(() => process.emit('SIGTERM', 'SIGTERM')).toThrow(new Exit(0))
  signals.unwatch()
  expect(process.eventNames()).toEqual(['SIGTERM', 'SIGINT', 'SIGQUIT'])
  expect(process.emit('SIGTERM', 'SIGTERM')).toBe(true)
})
