/** Measurements as a table: absolute numbers, and how they compare with BullMQ and with bare SQLite. */

export const BULLMQ = 'BullMQ'
export const RAW = 'bare SQLite'

/** One number. */
export interface Row {
  /** What was measured, such as `drain`. */
  readonly measure: string
  readonly system: string
  readonly value: number
  readonly unit: 'tasks/s' | 'ms' | 'MB'
}

/** Where a row stands: above 1 is better than the other. Undefined where there is nothing to compare with. */
export interface ComparedRow extends Row {
  readonly timesBullmq: number | undefined
  readonly timesRaw: number | undefined
}

export function compare(rows: readonly Row[]): ComparedRow[] {
  return rows.map((row) => ({ ...row, timesBullmq: ratio(rows, row, BULLMQ), timesRaw: ratio(rows, row, RAW) }))
}

/** More tasks a second are better, fewer milliseconds and megabytes are. */
function ratio(rows: readonly Row[], row: Row, system: string): number | undefined {
  const other = rows.find((candidate) => candidate.measure === row.measure && candidate.system === system)
  if (other === undefined || other === row) return undefined
  return row.unit === 'tasks/s' ? row.value / other.value : other.value / row.value
}

export function formatTable(rows: readonly ComparedRow[]): string {
  const head = ['', 'system', 'value', 'unit', `x ${BULLMQ}`, `x ${RAW}`]
  const cells = rows.map((row, index) => [
    rows[index - 1]?.measure === row.measure ? '' : row.measure,
    row.system,
    row.value < 100 ? row.value.toFixed(2) : Math.round(row.value).toLocaleString('en'),
    row.unit,
    row.timesBullmq?.toFixed(2) ?? '',
    row.timesRaw?.toFixed(2) ?? '',
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((line) => line[column]?.length ?? 0)))
  return [head, ...cells]
    .map((line) =>
      line
        .map((text, column) => pad(text, widths[column] ?? 0, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Numbers stand right. */
function pad(text: string, width: number, column: number): string {
  return column === 2 || column > 3 ? text.padStart(width) : text.padEnd(width)
}
