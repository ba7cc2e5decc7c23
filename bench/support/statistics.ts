/** Small sums over measurements. */

/** What a bare loop reaches: the limit of all who use the same store. */
export interface RawRates {
  readonly eachPerSecond: number
  readonly bulkPerSecond: number
  readonly drainPerSecond: number
}

/** In seconds. */
export async function timed(work: () => unknown): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}

/** The value below which the share `p` (0 to 1) of all values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}
