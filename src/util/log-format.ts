/** How log records become lines: Celery's text, in colour on terminals, or an object of JSON for programs. */
import type { LogLevel, LogRecord } from './log-record.ts'

/** Makes one entry of a record, without the line end. */
export type FormatRecord = (record: LogRecord) => string

/** Whose record it is where nobody says it. */
const MAIN_PROCESS = 'MainProcess'

/** Celery's colours, as terminals number them. */
const COLORS: Readonly<Partial<Record<LogLevel, string>>> = {
  DEBUG: '34',
  WARNING: '33',
  ERROR: '31',
  CRITICAL: '35',
}

/**
 * `[2026-11-21 10:00:00,123: WARNING/MainProcess] message`, and the error's stack below it, as Celery prints. The time
 * is UTC.
 */
export function formatText(record: LogRecord): string {
  return `[${timeOf(record)}: ${record.level}/${processOf(record)}] ${record.message}${detailOf(record)}`
}

/** The same, its message in the colour of its level. */
export function formatColored(record: LogRecord): string {
  const color = COLORS[record.level]
  if (color === undefined) return formatText(record)
  const head = `[${timeOf(record)}: ${record.level}/${processOf(record)}]`
  return `${head} \u001b[${color}m${record.message}${detailOf(record)}\u001b[0m`
}

/**
 * One line of JSON: `time` (ISO 8601, UTC), `level`, `message`, `hostname` (the node name), `process`, then the record's
 * other facts, such as `task` and `taskId`; `error` is the error's stack as text.
 */
export function jsonFormat(hostname: string): FormatRecord {
  return (record) => {
    const { timeMs, level, message, fields } = record
    const head = { time: new Date(timeMs).toISOString(), level, message, hostname, process: processOf(record) }
    if (fields === undefined) return JSON.stringify(head)
    const { error, processName, ...rest } = fields
    const detail = error === undefined ? {} : { error: textOf(error) }
    try {
      return JSON.stringify({ ...rest, ...head, ...detail })
    } catch {
      // A fact that JSON cannot hold, such as an object that contains itself: the line is worth more than the fact.
      return JSON.stringify({ ...head, ...detail })
    }
  }
}

function timeOf({ timeMs }: LogRecord): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '')
}

function processOf({ fields }: LogRecord): string {
  return fields?.processName ?? MAIN_PROCESS
}

function detailOf({ fields }: LogRecord): string {
  return fields?.error === undefined ? '' : `\n${textOf(fields.error)}`
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
