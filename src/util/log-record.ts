/** What is logged: a level, a message, and facts. Who writes it is `logger.ts`, how it looks `log-format.ts`. */

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
  /** The task that it is about, by name and by id. */
  readonly task?: string
  readonly taskId?: string
  readonly [name: string]: unknown
}

/** One record on its way to a sink. */
export interface LogRecord {
  readonly timeMs: number
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields | undefined
}
