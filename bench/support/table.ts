/** Measurements as a table: absolute numbers, and how they compare with others that do the same work in the same run. */

export const BULLMQ = 'BullMQ'
export const PYTHON = 'Python Celery redis, -P prefork -c 2'

/** Where the messages lie. */
export type Broker = 'sqlite' | 'memory' | 'redis' | 'rabbitmq'

/** One number. */
export interface Row {
  /** What was measured, such as `drain`. */
  readonly measure: string
  readonly system: string
  readonly broker: Broker
  readonly value: number
  readonly unit: 'tasks/s' | 'ms' | 'MB' | '/task' | '/s' | 'µs/task'
}

/** Where a row stands: above 1 is better than the other. Undefined where there is nothing to compare with. */
export interface ComparedRow extends Row {
  readonly timesBullmq: number | undefined
  /** The bare loop over the same broker. */
  readonly timesRaw: number | undefined
  readonly timesPython: number | undefined
}

/** The name of the bare loop over a broker: the limit of all that use it. */
export function bare(broker: Broker): string {
  return `bare ${{ sqlite: 'SQLite', memory: 'memory', redis: 'Redis', rabbitmq: 'RabbitMQ' }[broker]}`
}

export function compare(rows: readonly Row[]): ComparedRow[] {
  return rows.map((row) => ({
    ...row,
    timesBullmq: ratio(rows, row, BULLMQ),
    timesRaw: ratio(rows, row, bare(row.broker)),
    timesPython: ratio(rows, row, PYTHON),
  }))
}

/** More tasks a second are better, fewer of all the rest are. */
function ratio(rows: readonly Row[], row: Row, system: string): number | undefined {
  const other = rows.find((candidate) => candidate.measure === row.measure && candidate.system === system)
  if (other === undefined || other === row) return undefined
  return row.unit === 'tasks/s' ? row.value / other.value : other.value / row.value
}

export function formatTable(rows: readonly ComparedRow[]): string {
  const head = ['', 'system', 'value', 'unit', `x ${BULLMQ}`, 'x bare', 'x Python']
  const cells = rows.map((row, index) => [
    rows[index - 1]?.measure === row.measure ? '' : row.measure,
    row.system,
    formatValue(row.value),
    row.unit,
    row.timesBullmq?.toFixed(2) ?? '',
    row.timesRaw?.toFixed(2) ?? '',
    row.timesPython?.toFixed(2) ?? '',
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

function formatValue(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value > 0 && value < 0.1 ? value.toFixed(4) : value.toFixed(2)
}

/** Numbers stand right. */
function pad(text: string, width: number, column: number): string {
  return column === 2 || column > 3 ? text.padStart(width) : text.padEnd(width)
}
