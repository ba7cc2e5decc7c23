import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../../../src/util/logger.ts'
import type { LogRecord } from '../../../../src/util/logger.ts'
import { ChildProcess, childExecArgv } from '../../../../src/worker/pool/child-process.ts'
import type { Exit } from '../../../../src/worker/pool/child-handle.ts'
import { FrameWriter } from '../../../../src/worker/pool/frames.ts'
import * as ipc from '../../../../src/worker/pool/ipc.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** The bytes of frames, as a program's text. */
function framesText(write: (writer: FrameWriter) => void): string {
  const writer = new FrameWriter()
  write(writer)
  return JSON.stringify([...(writer.take() ?? [])])
}

const done = framesText((writer) => {
  ipc.writePlain(writer, ipc.READY)
  for (let key = 1; key <= 1000; key += 1) {
    const outcome = { kind: 'ignored' as const, runtimeMs: 1 }
    ipc.writeDone(writer, { key, busyMs: 1, overweight: false, outcome, results: [], part: undefined })
  }
})

/** Runs a program as a child, to its end. */
async function runProgram(program: string, level = 'WARNING' as const) {
  const entry = join(temporaryDirectory(), 'child.mjs')
  writeFileSync(entry, `import fs from 'node:fs'\n${program}`)
  const told: string[] = []
  const logs: LogRecord[] = []
  const logger = createLogger({ level: 'DEBUG', write: (record) => logs.push(record) })
  const start: ipc.Start = {
    name: 'ForkPoolWorker-7',
    location: { file: '/app.js', exportName: undefined },
    settings: {},
    runner: undefined,
    maxMemoryBytes: undefined,
    logLevel: 'DEBUG',
  }
  const exit = await new Promise<{ exit: Exit; complaint: string }>((resolve) => {
    const child = new ChildProcess(
      { entry, start, logger, output: level, lostWaitMs: 1000 },
      {
        onReady: () => told.push('ready'),
        onResult: (key) => told.push(`result ${String(key)}`),
        onPart: (key, body) => told.push(`part ${String(key)} ${String(body)}`),
        onDone: ({ key }) => told.push(`done ${String(key)}`),
        onBack: (keys) => told.push(`back ${keys.join()}`),
        onPong: () => undefined,
        onPause: () => undefined,
        onExit: (code) => {
          told.push('exit')
          resolve({ exit: code, complaint: child.complaint })
        },
      },
    )
  })
  return { ...exit, told, logs }
}

describe('ChildProcess', () => {
  it('tells all reports before the exit, also of a child that is killed', async () => {
    const { told, exit } = await runProgram(
      `fs.writeSync(4, Buffer.from(${done})); process.kill(process.pid, 'SIGKILL')`,
    )
    expect(exit).toBe('SIGKILL')
    expect(told).toEqual(['ready', ...Array.from({ length: 1000 }, (_, index) => `done ${String(index + 1)}`), 'exit'])
  })

  it('drops a report that was cut off', async () => {
    const { told } = await runProgram(`fs.writeSync(4, Buffer.from(${done}).subarray(0, -1)); process.exit(2)`)
    expect(told.at(-1)).toBe('exit')
    expect(told).toHaveLength(1001)
  })

  it('tells the exit code', async () => {
    expect(await runProgram('process.exit(9)')).toMatchObject({ exit: 9, told: ['exit'] })
  })

  it('logs what it writes, with its name', async () => {
    const { logs } = await runProgram(`process.stdout.write('one\\ntwo'); process.stderr.write('three\\n')`)
    expect(
      logs.map(({ level, message, fields }) => `${level} ${String(fields?.processName)} ${message}`).sort(),
    ).toEqual(['one', 'three', 'two'].map((line) => `WARNING ForkPoolWorker-7 ${line}`))
  })

  it('has the last words of a child that never was ready, the newest ones', async () => {
    const { exit, complaint } = await runProgram(
      'for (let line = 1; line <= 50; line += 1) console.error(`line ${line}`); process.exit(1)',
    )
    expect(exit).toBe(1)
    expect(complaint.split('\n')).toEqual(Array.from({ length: 30 }, (_, index) => `line ${String(index + 21)}`))
  })

  it('prefers the error that it told', async () => {
    const failed = framesText((writer) => {
      ipc.writeFailed(writer, 'no such module')
    })
    const { complaint } = await runProgram(`console.error('noise'); fs.writeSync(4, Buffer.from(${failed}))
      process.exit(1)`)
    expect(complaint).toBe('no such module')
  })

  it('logs the records of a child as they are', async () => {
    const log = framesText((writer) => {
      ipc.writeJson(writer, ipc.LOG, { level: 'ERROR', message: 'oh', fields: { error: 'a stack', taskId: 'x' } })
    })
    const { logs } = await runProgram(`fs.writeSync(4, Buffer.from(${log})); process.exit()`)
    expect(logs).toMatchObject([
      { level: 'ERROR', message: 'oh', fields: { error: 'a stack', taskId: 'x', processName: 'ForkPoolWorker-7' } },
    ])
  })

  it('tells the exit though a program that it started keeps its output open', async () => {
    const { told, exit } = await runProgram(`
      import { spawn } from 'node:child_process'
      fs.writeSync(4, Buffer.from(${done}))
      spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000); process.on("disconnect", () => process.exit())'],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true }).once('spawn', () => process.exit(3))`)
    expect(exit).toBe(3)
    expect(told.at(-1)).toBe('exit')
  })

  it('is a child that exits where there is no such program', async () => {
    const entry = join(temporaryDirectory(), 'missing.mjs')
    const { exit, complaint } = await runProgram(`await import(${JSON.stringify(entry)})`)
    expect(exit).toBe(1)
    expect(complaint).toContain('missing.mjs')
  })
})

describe('childExecArgv', () => {
  it('leaves out what to run and the debugger', () => {
    expect(childExecArgv(['--max-old-space-size=100', '-e', 'code', '--import', 'x.js'])).toEqual([
      '--max-old-space-size=100',
      '--import',
      'x.js',
    ])
    expect(childExecArgv(['--inspect', '--inspect-brk=9229', '--enable-source-maps'])).toEqual(['--enable-source-maps'])
    expect(childExecArgv(['--eval', '1', '-p', '2'])).toEqual([])
  })
})
