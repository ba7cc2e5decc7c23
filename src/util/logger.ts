/** The logger that every part is given, and the console logger behind it. Users may hand in their own. */

/** Python's levels, lowest first. */
export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Python has two names for two of its levels. */
const LEVEL_ALIASES: Readonly<Record<string, LogLevel>> = { WARN: 'WARNING', FATAL: 'CRITICAL' }

/** A level by its name, in any case, or by Python's number (10 is DEBUG, 50 CRITICAL); undefined where there is none. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const name = text.trim().toUpperCase()
  if (/^\d+$/.test(name)) return LOG_LEVELS[Math.min(Math.max(Math.ceil(Number(name) / 10), 1), LOG_LEVELS.length) - 1]
  return LOG_LEVELS.find((level) => level === name) ?? LEVEL_ALIASES[name]
}

/** Extra facts of a record. */
export interface LogFields {
  /** Printed with its stack. */
  readonly error?: unknown
  /** Whose line it is, where it is not the worker's own: a child's. */
  readonly processName?: string
  readonly [name: string]: unknown
}

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  critical(message: string, fields?: LogFields): void
  /** Would a record of this level be written? Ask before building a costly message. */
  enabled(level: LogLevel): boolean
  /** A logger that puts `prefix` in front of each message. */
  child(prefix: string): Logger
}

/** One record on its way to a sink. */
export interface LogRecord {
  readonly timeMs: number
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields | undefined
}

export interface LoggerOptions {
  /** The lowest level that is written. Default `WARNING`. */
  readonly level?: LogLevel
  /** Takes each record. Default: a line on standard error. */
  readonly write?: (record: LogRecord) => void
}

/** A logger over a function that writes records. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const threshold = LOG_LEVELS.indexOf(options.level ?? 'WARNING')
  const write = options.write ?? writeToStderr
  const make = (prefix: string): Logger => {
    const log =
      (level: LogLevel) =>
      (message: string, fields?: LogFields): void => {
        if (LOG_LEVELS.indexOf(level) < threshold) return
        write({ timeMs: Date.now(), level, message: prefix + message, fields })
      }
    return {
      debug: log('DEBUG'),
      info: log('INFO'),
      warning: log('WARNING'),
      error: log('ERROR'),
      critical: log('CRITICAL'),
      enabled: (level) => LOG_LEVELS.indexOf(level) >= threshold,
      child: (more) => make(prefix + more),
    }
  }
  return make('')
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  return createLogger({ level: 'CRITICAL', write: () => undefined })
}

/** `[2026-11-21 10:00:00,123: WARNING/MainProcess] message`, and the error's stack below it, as Celery prints. */
export function formatRecord(record: LogRecord): string {
  const processName = record.fields?.processName ?? 'MainProcess'
  const time = new Date(record.timeMs).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '')
  const error = record.fields?.error
  const detail =
    error === undefined ? '' : `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  return `[${time}: ${record.level}/${processName}] ${record.message}${detail}`
}

function writeToStderr(record: LogRecord): void {
  process.stderr.write(`${formatRecord(record)}\n`)
}
