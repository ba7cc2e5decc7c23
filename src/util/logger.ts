/**
 * The logger that every part is given, and what stands behind it. Users may hand in their own. How records become lines
 * is `log-format.ts`.
 */
import { formatText } from './log-format.ts'
import { LOG_LEVELS, parseLogLevel } from './log-record.ts'
import type { LogFields, LogLevel, LogRecord } from './log-record.ts'

export { LOG_LEVELS, parseLogLevel }
export type { LogFields, LogLevel, LogRecord }

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  critical(message: string, fields?: LogFields): void
  /** Would a record of this level be written? Ask before building a costly message. */
  enabled(level: LogLevel): boolean
  /** A logger that puts `prefix` in front of each message, and adds `fields` to those of each record. */
  child(prefix: string, fields?: LogFields): Logger
}

/** Takes each record. */
export type WriteRecord = (record: LogRecord) => void

export interface LoggerOptions {
  /** The lowest level that is written. Default `WARNING`. */
  readonly level?: LogLevel
  /** Takes each record. Default: a line on standard error. */
  readonly write?: WriteRecord
}

/** A logger over a function that writes records. */
export function createLogger(options: LoggerOptions = {}): Logger {
  return new LogOutlet(options).logger
}

/** A logger, its children, and where all their records go: that may change while they are in use. */
export class LogOutlet {
  readonly logger: Logger
  #threshold: number
  #write: WriteRecord

  constructor(options: LoggerOptions = {}) {
    this.#threshold = LOG_LEVELS.indexOf(options.level ?? 'WARNING')
    this.#write = options.write ?? writeToStderr
    this.logger = this.#logger('', undefined)
  }

  /** From now on records go there, from this level on; what is left out stays as it is. */
  redirect({ level, write }: LoggerOptions): void {
    if (level !== undefined) this.#threshold = LOG_LEVELS.indexOf(level)
    if (write !== undefined) this.#write = write
  }

  #logger(prefix: string, common: LogFields | undefined): Logger {
    const log = (level: LogLevel): Logger['info'] => {
      const rank = LOG_LEVELS.indexOf(level)
      return (message, own) => {
        if (rank < this.#threshold) return
        const fields = common === undefined || own === undefined ? (own ?? common) : { ...common, ...own }
        this.#write({ timeMs: Date.now(), level, message: prefix + message, fields })
      }
    }
    return {
      debug: log('DEBUG'),
      info: log('INFO'),
      warning: log('WARNING'),
      error: log('ERROR'),
      critical: log('CRITICAL'),
      enabled: (level) => LOG_LEVELS.indexOf(level) >= this.#threshold,
      child: (more, fields) => this.#logger(prefix + more, fields === undefined ? common : { ...common, ...fields }),
    }
  }
}

/** The lowest level that `logger` writes. */
export function lowestLevel(logger: Logger): LogLevel {
  return LOG_LEVELS.find((level) => logger.enabled(level)) ?? 'CRITICAL'
}

/** Hand a record of another process to a logger. */
export function logAt(logger: Logger, level: LogLevel, message: string, fields: LogFields): void {
  if (level === 'DEBUG') logger.debug(message, fields)
  else if (level === 'INFO') logger.info(message, fields)
  else if (level === 'WARNING') logger.warning(message, fields)
  else if (level === 'ERROR') logger.error(message, fields)
  else logger.critical(message, fields)
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  return createLogger({ level: 'CRITICAL', write: () => undefined })
}

function writeToStderr(record: LogRecord): void {
  process.stderr.write(`${formatText(record)}\n`)
}
