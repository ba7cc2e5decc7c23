/** What a worker is at, in words for a person who asks why it does what it does: Celery's answer to SIGUSR1. */
import { memoryUsage, uptime } from 'node:process'
import type { InHand, WorkerState } from './state.ts'

/** A request that can be named. */
type Named = InHand & { readonly label: string }

/** Running tasks by name and id, what waits, and what keeps this process awake. Several lines. */
export function describeActivity(state: WorkerState<Named>): string {
  const { rss, heapUsed } = memoryUsage()
  return [
    `Process ${String(process.pid)}, up ${uptime().toFixed()} s, ${mebibytes(rss)} in memory (heap ${mebibytes(heapUsed)})`,
    `Running: ${String(state.active.size)}`,
    ...[...state.active.values()].map(({ label }) => `  ${label}`),
    `Waiting here: ${String(state.reserved.size)}; held until their time: ${String(state.scheduled.size)}; ` +
      `ended, not settled: ${String(state.settling)}`,
    `Open: ${countKinds(process.getActiveResourcesInfo())}`,
  ].join('\n')
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed()} MiB`
}

/** `3 TCPSocketWrap, 1 Timeout` */
function countKinds(kinds: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => `${String(count)} ${kind}`).join(', ')
}
