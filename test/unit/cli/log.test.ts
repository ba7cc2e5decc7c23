import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { openLog } from '../../../src/cli/log.ts'
import type { LogOptions } from '../../../src/cli/log.ts'
import { Session } from '../../../src/cli/session.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { FakeProcess } from '../../support/command-line.ts'

let process: FakeProcess
let folder: string

beforeEach(() => {
  process = new FakeProcess()
  folder = process.cwd()
})

function open(options: Partial<LogOptions> = {}, settings: object = {}, color = true, logger?: Logger) {
  const app = new App('proj', { ...settings, ...(logger && { logger }) })
  const session = new Session({ color }, process)
  const all: LogOptions = { loglevel: 'INFO', logFormat: 'text', ...options }
  return { app, log: openLog(session, app, { options: all, defaultFile: null, hostname: 'w1@here' }) }
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8')

describe('on standard error', () => {
  it('is text, from the level on', () => {
    const { app } = open()
    app.logger.debug('a')
    app.logger.info('b')
    expect(process.stderr.text).toMatch(/^\[.*: INFO\/MainProcess\] b\n$/)
  })

  it('is JSON where that is asked for', () => {
    open({ logFormat: 'json' }).app.logger.info('b', { taskId: '1' })
    expect(JSON.parse(process.stderr.text)).toMatchObject({ message: 'b', hostname: 'w1@here', taskId: '1' })
  })

  it.each([
    [true, {}, true, true],
    [true, {}, false, false],
    [true, { workerLogColor: false }, true, false],
    [false, {}, true, false],
    [false, { workerLogColor: true }, true, true],
  ])('is in colour on a terminal: %j', (terminal, settings, color, colored) => {
    process = new FakeProcess({ terminal })
    open({}, settings, color).app.logger.error('b')
    expect(process.stderr.text.includes('\u001b[31m')).toBe(colored)
  })
})

describe('a file', () => {
  it('gets the lines, and what is printed', () => {
    const { app, log } = open({ logfile: join(folder, '%n-%h%I.log') })
    app.logger.info('one')
    process.stdout.write('two\nthr')
    process.stderr.write('four\n')
    log.close()
    process.stdout.write('later')
    app.logger.info('on standard error again')
    expect(read('w1-here.log')).toMatch(
      /^\[.*INFO\/MainProcess\] one\n\[.*: WARNING\/MainProcess\] two\n\[.*: WARNING\/MainProcess\] four\n\[.*\] thr\n$/,
    )
    expect(process.stdout.text).toBe('later')
    expect(process.stderr.text).toContain('on standard error again')
    expect(process.eventNames()).toEqual([])
  })

  it('gets nothing that is printed where the settings say so', () => {
    open({ logfile: join(folder, 'log') }, { workerRedirectStdouts: false })
    process.stdout.write('two\n')
    expect([process.stdout.text, read('log')]).toEqual(['two\n', ''])
  })

  it('is not written to by a logger of the user, but gets what that one prints', () => {
    const logger = new App('x').logger
    const print = (message: string): void => void process.stdout.write(`mine: ${message}\n`)
    const { app } = open({ logfile: join(folder, 'log') }, {}, true, { ...logger, info: print, warning: print })
    app.logger.info('one')
    expect(read('log')).toBe('mine: one\n')
  })

  it('is made anew on SIGUSR2', () => {
    const { app } = open({ logfile: join(folder, 'log') })
    app.logger.info('one')
    renameSync(join(folder, 'log'), join(folder, 'log.1'))
    process.emit('SIGUSR2', 'SIGUSR2')
    app.logger.info('two')
    expect([read('log.1'), read('log')]).toEqual([expect.stringContaining('one'), expect.stringContaining('two')])
  })

  it('is told of the error that ends the process', () => {
    open({ logfile: join(folder, 'log') })
    process.emit('uncaughtExceptionMonitor', new Error('oh'))
    expect(read('log')).toMatch(/CRITICAL.*\nError: oh\n/)
  })

  it('that cannot be opened is an error', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => open({ logfile: join(folder, 'file/log') })).toThrow(ImproperlyConfigured)
  })

  it('on a full disk keeps nobody from working', () => {
    const { app } = open({ logfile: '/dev/full' })
    for (let line = 0; line < 3; line += 1) app.logger.info('lost')
    process.stdout.write('lost too\n')
  })
})
