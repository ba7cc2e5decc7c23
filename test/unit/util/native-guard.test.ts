import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { NativeGuard } from '../../../src/util/native-guard.ts'
import { built } from '../../support/pools.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** A thread that runs this with its `guard`, and `shared` to look at. */
function startThread(guard: NativeGuard, program: string): { worker: Worker; shared: Int32Array } {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const file = join(temporaryDirectory(), 'thread.mjs')
  writeFileSync(
    file,
    `import { parentPort, workerData } from 'node:worker_threads'
     import { NativeGuard } from ${JSON.stringify(pathToFileURL(built('util/native-guard.js')).href)}
     const guard = NativeGuard.ofThisThread()
     const { shared } = workerData
     ${program}`,
  )
  return { worker: new Worker(file, { workerData: { ...guard.workerData, shared } }), shared }
}

it('the main thread has none', () => {
  expect(NativeGuard.ofThisThread()).toBeUndefined()
})

it('answers what the work answers, and throws what it throws', () => {
  const guard = new NativeGuard()
  expect(guard.run(() => 42)).toBe(42)
  expect(() =>
    guard.run(() => {
      throw new Error('oh')
    }),
  ).toThrow('oh')
  expect(guard.run(() => 43)).toBe(43)
})

it('waits for the way out, and lets nobody in after it', async () => {
  const guard = new NativeGuard()
  const { worker, shared } = startThread(
    guard,
    `guard.run(() => {
       parentPort.postMessage('inside')
       Atomics.wait(shared, 0, 0)
       Atomics.add(shared, 1, 1)
     })
     for (;;) guard.run(() => Atomics.add(shared, 1, 1))`,
  )
  await once(worker, 'message')
  let closed = false
  const close = guard.close().then(() => {
    closed = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(closed).toBe(false)
  Atomics.store(shared, 0, 1)
  Atomics.notify(shared, 0)
  await close
  const rounds = Atomics.load(shared, 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(Atomics.load(shared, 1)).toBe(rounds)
  expect(rounds).toBeGreaterThan(0)
  await worker.terminate()
})

it('closes at once where the thread is outside', async () => {
  await new NativeGuard().close()
})
