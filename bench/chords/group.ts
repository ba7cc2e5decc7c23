/** What a large group costs its caller: time and memory to publish it, time to read all its results. */
import { group } from 'celeriac'
import { timed } from '../support/statistics.ts'
import { onStage, POOLS } from './stage.ts'
import type { StoreName } from './stage.ts'

const MEGABYTE = 2 ** 20
/** Each member has an argument of its own of so many characters, which the caller holds anyway. */
const ARGUMENT_LENGTH = 1_000
const LOOK_EVERY = 500

export interface LargeGroup {
  readonly members: number
  /** What the caller holds before it publishes: signatures with their arguments. */
  readonly signaturesMb: number
  /** How much more there was at most while it published, and afterwards: ids and results. */
  readonly publishingPeakMb: number
  readonly publishedMb: number
  readonly publishSeconds: number
  /** `get()` on a group whose results are all there. */
  readonly getSeconds: number
}

export async function measureGroup(store: StoreName, members: number): Promise<LargeGroup> {
  return onStage(store, async ({ app, startWorker }) => {
    await app.sendTask('chords.part', [0])
    const emptyMb = heapMb()
    const tasks = Array.from({ length: members }, (_, index) =>
      app.signature('chords.part', [String(index).padEnd(ARGUMENT_LENGTH, 'x')]),
    )
    const all = group(tasks)
    const heldMb = heapMb()
    let peakMb = heldMb
    let published = 0
    app.signals.on('before-task-publish', () => {
      published += 1
      // Collecting takes a while, and members leave in batches.
      if (published % LOOK_EVERY === 0) peakMb = Math.max(peakMb, heapMb())
    })
    const startMs = performance.now()
    const result = await all.delay()
    const publishSeconds = (performance.now() - startMs) / 1000
    const publishedMb = heapMb() - heldMb
    const worker = startWorker(POOLS.async)
    try {
      await Promise.race([result.get(), worker.lost])
      const getSeconds = await timed(() => result.get())
      return {
        members,
        signaturesMb: heldMb - emptyMb,
        publishingPeakMb: peakMb - heldMb,
        publishedMb,
        publishSeconds,
        getSeconds,
      }
    } finally {
      await worker.stop()
    }
  })
}

/** What is really in use: asks for a collection where Node was started with `--expose-gc`. */
function heapMb(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / MEGABYTE
}
