/** How soon a body begins after the last part has ended: both note the time, on one machine. */
import { chord } from 'celeriac'
import type { Celery } from 'celeriac'
import { percentile } from '../support/statistics.ts'
import { onStage, POOLS } from './stage.ts'
import type { PoolName, StoreName } from './stage.ts'

/** In milliseconds. */
export interface Latency {
  readonly p50: number
  readonly max: number
}

export async function measureLatency(
  store: StoreName,
  pool: PoolName,
  parts: number,
  chords: number,
): Promise<Latency> {
  return onStage(store, async ({ app, startWorker }) => {
    const worker = startWorker(POOLS[pool])
    try {
      // The first one meets code that was never run.
      await gap(app, parts)
      const gaps: number[] = []
      while (gaps.length < chords) gaps.push(await Promise.race([gap(app, parts), worker.lost]))
      return { p50: percentile(gaps, 0.5), max: Math.max(...gaps) }
    } finally {
      await worker.stop()
    }
  })
}

async function gap(app: Celery, parts: number): Promise<number> {
  const header = Array.from({ length: parts }, () => app.signature('chords.now', []))
  const result = await chord(header, app.signature('chords.since')).delay()
  return (await result.get()) as number
}
