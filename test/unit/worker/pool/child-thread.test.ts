import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLogger } from '../../../../src/util/logger.ts'
import type { LogRecord } from '../../../../src/util/logger.ts'
import type { Exit } from '../../../../src/worker/pool/child-handle.ts'
import { ChildThread } from '../../../../src/worker/pool/child-thread.ts'
import { FrameWriter } from '../../../../src/worker/pool/frames.ts'
import * as ipc from '../../../../src/worker/pool/ipc.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const writer = new FrameWriter()
ipc.writePlain(writer, ipc.READY)
for (let key = 1; key <= 1000; key += 1) ipc.writeBack(writer, [key])
const reports = JSON.stringify([...(writer.take() ?? [])])

/** Runs a program as a thread, to its end. */
async function runProgram(program: string, onReady: (child: ChildThread) => void = () => undefined) {
  const entry = join(temporaryDirectory(), 'child.mjs')
  writeFileSync(entry, `import { parentPort } from 'node:worker_threads'\n${program}`)
  let backs = 0
  const logs: LogRecord[] = []
  const start: ipc.Start = {
    name: 'ThreadPoolWorker-7',
    location: { file: '/app.js', exportName: undefined },
    settings: {},
    runner: undefined,
    maxMemoryBytes: 16 * 2 ** 20,
    logLevel: 'DEBUG',
  }
  const logger = createLogger({ level: 'DEBUG', write: (record) => logs.push(record) })
  const end = await new Promise<{ exit: Exit; complaint: string; backsBefore: number }>((resolve) => {
    const child: ChildThread = new ChildThread(
      { entry, start, logger, output: 'WARNING', lostWaitMs: 5000 },
      {
        onReady: () => {
          onReady(child)
        },
        onResult: () => undefined,
        onPart: () => undefined,
        onDone: () => undefined,
        onBack: () => {
          backs += 1
        },
        onPong: () => undefined,
        onPause: () => undefined,
        onExit: (exit) => {
          resolve({ exit, complaint: child.complaint, backsBefore: backs })
        },
      },
    )
  })
  return { ...end, logs }
}

it('tells all that was posted before the exit', async () => {
  const { exit, backsBefore } = await runProgram(`parentPort.postMessage(new Uint8Array(${reports})); process.exit(5)`)
  expect([exit, backsBefore]).toEqual([5, 1000])
})

it('is ended between two steps of an endless loop', async () => {
  const { exit, backsBefore } = await runProgram(
    `parentPort.postMessage(new Uint8Array(${reports})); for (;;) continue`,
    (child) => {
      child.kill('SIGKILL')
    },
  )
  expect([exit, backsBefore]).toEqual(['SIGKILL', 1000])
})

it('logs what it writes, and the error that ends it', async () => {
  const { exit, complaint, logs } = await runProgram(`console.log('hello'); throw new TypeError('oh')`)
  expect(exit).toBe('TypeError: oh')
  expect(complaint).toMatch(/hello[^]*TypeError: oh|TypeError: oh[^]*hello/)
  expect(logs.map(({ level, fields }) => `${level} ${String(fields?.processName)}`).sort()).toEqual([
    'ERROR ThreadPoolWorker-7',
    'WARNING ThreadPoolWorker-7',
  ])
})

it('is ended when its heap is far above the limit', async () => {
  const { exit } = await runProgram(`const kept = []; for (;;) kept.push({ more: [kept.length] })`)
  expect(exit).toBe('ERR_WORKER_OUT_OF_MEMORY')
})

it('says what is wrong where there is no program', async () => {
  const child = new Promise<string>((resolve) => {
    const nothing = (): void => undefined
    const handle: ChildThread = new ChildThread(
      {
        entry: '/nowhere/child.js',
        start: {
          name: 'thread',
          location: { file: '/app.js', exportName: undefined },
          settings: {},
          runner: undefined,
          maxMemoryBytes: undefined,
          logLevel: 'INFO',
        },
        logger: createLogger({ write: nothing }),
        output: 'WARNING',
        lostWaitMs: 1000,
      },
      {
        onReady: nothing,
        onResult: nothing,
        onPart: nothing,
        onDone: nothing,
        onBack: nothing,
        onPong: nothing,
        onPause: nothing,
        onExit: () => {
          resolve(handle.complaint)
        },
      },
    )
  })
  expect(await child).toMatch(/Cannot find module '\/nowhere\/child.js'/)
})
