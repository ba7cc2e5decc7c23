/** Rates as Celery writes them: `10/m` is ten a minute (`celery/utils/time.py`). */

/** Seconds of each unit. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }
const RATE = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/

/** How many a second: of `10/s`, `10/m`, `10/h`, `10` or a number. Undefined for anything else. */
export function parseRate(rate: string | number): number | undefined {
  if (typeof rate === 'number') return Number.isFinite(rate) && rate >= 0 ? rate : undefined
  const [, count, unit = 's'] = RATE.exec(rate.trim()) ?? []
  return count === undefined ? undefined : Number(count) / (UNITS[unit] ?? 1)
}
