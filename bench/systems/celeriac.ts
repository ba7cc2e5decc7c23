/** The load generator's side of celeriac. With a memory broker the worker lives in this process, for nobody else can reach it. */
import { setTimeout } from 'node:timers/promises'
import type { AsyncResult } from 'celeriac'
import { app, noop } from '../apps/celeriac.ts'
import type { Finish, System } from './system.ts'

const LOOK_AGAIN_MS = 10
/** Documents are read in slices, so that the generator stays small. */
const SLICE = 5_000

export class CeleriacSystem implements System {
  #sent: AsyncResult[] = []

  async send(): Promise<void> {
    this.#sent.push(await noop.delay(1))
  }

  async sendMany(count: number): Promise<void> {
    const results = await app.sendTasks(Array.from({ length: count }, () => ({ name: noop.taskName, args: [1] })))
    for (const result of results) this.#sent.push(result)
  }

  async sendManyLater(count: number, seconds: number): Promise<void> {
    const options = { countdown: seconds }
    await app.sendTasks(Array.from({ length: count }, () => ({ name: noop.taskName, args: [1], options })))
  }

  async roundTrip(): Promise<void> {
    const result = await noop.delay(1)
    await result.get()
  }

  async purge(): Promise<void> {
    await app.control.purge()
    this.#sent = []
  }

  async finish(skip: number): Promise<Finish> {
    const sent = this.#sent
    this.#sent = []
    // Tasks end about in order: when the last of them are there, looking at all of them will not disturb the worker.
    for (const result of sent.slice(-100)) {
      while (!(await result.ready())) await setTimeout(LOOK_AGAIN_MS)
    }
    let firstMs = Infinity
    let lastMs = 0
    for (let start = 0; start < sent.length; start += SLICE) {
      const times = await Promise.all(sent.slice(start, start + SLICE).map(doneTime))
      for (const doneMs of times.slice(Math.max(0, skip - start))) {
        firstMs = Math.min(firstMs, doneMs)
        lastMs = Math.max(lastMs, doneMs)
      }
    }
    return { count: sent.length - skip, firstMs, lastMs }
  }

  async close(): Promise<void> {
    await app.close()
  }
}

async function doneTime(result: AsyncResult): Promise<number> {
  const { status, date_done: done } = await result.meta()
  if (status === 'SUCCESS' && done !== null) return Date.parse(done)
  await setTimeout(LOOK_AGAIN_MS)
  return doneTime(result)
}
