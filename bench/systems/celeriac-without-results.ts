/**
 * celeriac without results: nobody stores what the tasks return, so one call before them and one after them, whose
 * results are stored, tell how long those between took.
 */
import { setTimeout } from 'node:timers/promises'
import type { AsyncResult } from 'celeriac'
import { app, noop } from '../apps/celeriac.ts'
import type { Finish, System } from './system.ts'

const LOOK_AGAIN_MS = 10
const IGNORED = { ignoreResult: true } as const

export class CeleriacWithoutResults implements System {
  #before: AsyncResult | undefined
  #sent = 0

  async send(): Promise<void> {
    await noop.applyAsync([1], IGNORED)
    this.#sent += 1
  }

  async sendMany(count: number): Promise<void> {
    this.#before ??= await noop.delay(1)
    const call = { name: noop.taskName, args: [1], options: IGNORED }
    await app.sendTasks(Array.from({ length: count }, () => call))
    this.#sent += count
  }

  async sendManyLater(count: number, seconds: number): Promise<void> {
    const call = { name: noop.taskName, args: [1], options: { ...IGNORED, countdown: seconds } }
    await app.sendTasks(Array.from({ length: count }, () => call))
  }

  async roundTrip(): Promise<void> {
    const result = await noop.delay(1)
    await result.get()
  }

  async purge(): Promise<void> {
    await app.control.purge()
    this.#before = undefined
    this.#sent = 0
  }

  async finish(skip: number): Promise<Finish> {
    if (skip > 0 || this.#before === undefined) throw new Error('Only all tasks that were sent in bulk can be timed')
    const after = await noop.delay(1)
    while (!(await after.ready())) await setTimeout(LOOK_AGAIN_MS)
    return { count: this.#sent, firstMs: await doneTime(this.#before), lastMs: await doneTime(after) }
  }

  async close(): Promise<void> {
    await app.close()
  }
}

async function doneTime(result: AsyncResult): Promise<number> {
  const { date_done: done } = await result.meta()
  return Date.parse(done ?? '')
}
