/** How fast chords are worked off, and as many plain tasks: first all is enqueued, then the worker starts. */
import { setTimeout } from 'node:timers/promises'
import { chord } from 'celeriac'
import type { AsyncResult, Celery } from 'celeriac'
import { onStage, POOLS } from './stage.ts'
import type { PoolName, StoreName } from './stage.ts'

const BATCH = 1_000
const LOOK_AGAIN_MS = 10
/** Tasks end about in order: when the last of them are there, looking at all of them does not disturb the worker. */
const LAST = 100

/** Tasks a second from the first result to the last, and processor time of the worker in microseconds a task. */
export interface Drain {
  readonly perSecond: number
  readonly processorMicroseconds: number
}

/** What there is to do. */
export interface Load {
  readonly tasks: number
  /** Parts of each chord, which has a body besides; undefined is plain tasks. */
  readonly parts: number | undefined
}

export async function measureDrain(store: StoreName, pool: PoolName, { tasks, parts }: Load): Promise<Drain> {
  return onStage(store, async ({ app, startWorker }) => {
    const ids = parts === undefined ? await sendPlain(app, tasks) : await sendChords(app, tasks / (parts + 1), parts)
    const worker = startWorker(POOLS[pool])
    try {
      await Promise.race([untilDone(app, ids.slice(0, 1)), worker.lost])
      const before = worker.processorSeconds()
      await Promise.race([untilDone(app, ids.slice(-LAST)), worker.lost])
      const seconds = worker.processorSeconds() - before
      const { firstMs, lastMs } = await times(app, ids)
      return {
        perSecond: ids.length / ((lastMs - firstMs) / 1000),
        processorMicroseconds: (seconds * 1e6) / ids.length,
      }
    } finally {
      await worker.stop()
    }
  })
}

async function sendPlain(app: Celery, tasks: number): Promise<string[]> {
  const ids: string[] = []
  for (let sent = 0; sent < tasks; sent += BATCH) {
    const calls = Array.from({ length: BATCH }, (_, index) => ({ name: 'chords.part', args: [sent + index] }))
    for (const { id } of await app.sendTasks(calls)) ids.push(id)
  }
  return ids
}

/** All parts, then all bodies. */
async function sendChords(app: Celery, chords: number, parts: number): Promise<string[]> {
  const ids: string[] = []
  const bodies: string[] = []
  for (let sent = 0; sent < chords; sent += 1) {
    const header = Array.from({ length: parts }, (_, index) => app.signature('chords.part', [index]))
    const result: AsyncResult = await chord(header, app.signature('chords.body')).delay()
    ids.push(...((await result.parent?.children()) ?? []).map(({ id }) => id))
    bodies.push(result.id)
  }
  return [...ids, ...bodies]
}

async function untilDone(app: Celery, ids: readonly string[]): Promise<void> {
  for (const id of ids) while (!(await app.asyncResult(id).ready())) await setTimeout(LOOK_AGAIN_MS)
}

/** When the first and the last result were written. */
async function times(app: Celery, ids: readonly string[]): Promise<{ firstMs: number; lastMs: number }> {
  let [firstMs, lastMs] = [Infinity, 0]
  const backend = await app.backend()
  for (let start = 0; start < ids.length; start += BATCH) {
    const some = ids.slice(start, start + BATCH)
    await untilDone(app, some)
    for (const { date_done: done } of (await backend.getMetas(some)).values()) {
      const doneMs = Date.parse(done ?? '')
      firstMs = Math.min(firstMs, doneMs)
      lastMs = Math.max(lastMs, doneMs)
    }
  }
  return { firstMs, lastMs }
}
