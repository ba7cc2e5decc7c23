/**
 * The log of a command that goes on, such as a worker: on standard error or in a file, as text or JSON. What records are
 * is `util/logger.ts`.
 */
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { App } from '../app/app.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { formatColored, formatText, jsonFormat } from '../util/log-format.ts'
import type { FormatRecord } from '../util/log-format.ts'
import { LogFile } from '../util/log-file.ts'
import { logAt, parseLogLevel } from '../util/logger.ts'
import type { LogLevel, LogRecord, WriteRecord } from '../util/logger.ts'
import { OutputLines } from '../util/output-lines.ts'
import { logLevel } from './options.ts'
import { count } from './output.ts'
import type { TextStream } from './output.ts'
import type { CliProcess, Session } from './session.ts'

/** What the command line says of the log. */
export interface LogOptions {
  readonly loglevel: LogLevel
  readonly logfile?: string
  readonly logFormat: 'text' | 'json'
}

/** What else a log must know. */
export interface LogPlan {
  readonly options: LogOptions
  /** The file of the settings; null is standard error. */
  readonly defaultFile: string | null
  /** The node name: for the names of files, and in JSON. */
  readonly hostname: string
}

/** `-l`, `-f`, `--log-format`. */
export function addLogOptions(command: Command): Command {
  return command
    .option('-l, --loglevel <level>', 'DEBUG, INFO, WARNING, ERROR or CRITICAL', logLevel, 'WARNING')
    .option('-f, --logfile <file>', 'log to this file; %n is the node, %h the host, %p both')
    .addOption(
      new Option('--log-format <format>', 'text, or json: an object a line')
        .choices(['text', 'json'])
        .default('text')
        .env(`CELERY_${command.name()}_LOG_FORMAT`.toUpperCase()),
    )
}

/** An open log. */
export interface Log {
  /** Is it one of its own, and not where errors of the command go? */
  readonly hasFile: boolean
  /** Log to standard error again. */
  close(): void
}

/**
 * Have the app log as the options say. With a file, what is printed in this process becomes lines of it too, at
 * `workerRedirectStdoutsLevel`, unless `workerRedirectStdouts` is off; and an error that ends the process is written
 * there. SIGUSR2 opens the file anew. An app with a logger of the user's goes on with that one. Throws
 * `ImproperlyConfigured` for a file that cannot be written.
 */
export function openLog(session: Session, app: App, { options, defaultFile, hostname }: LogPlan): Log {
  const path = options.logfile ?? defaultFile
  const { loglevel: level, logFormat } = options
  const toTerminal = terminalWriter(session, app, logFormat === 'json' ? jsonFormat(hostname) : undefined)
  if (path === null || path === '') {
    app.redirectLog({ level, write: toTerminal })
    return { hasFile: false, close: () => undefined }
  }
  const file = new LogFile(resolve(session.process.cwd(), expandNodename(path, hostname)), app.clock)
  const format = logFormat === 'json' ? jsonFormat(hostname) : fileFormat(app)
  const isOwnLogger = app.redirectLog({ level, write: fileWriter(file, format) })
  const restoreOutput = redirectOutput(session.process, app, file, isOwnLogger)
  const unwatch = watchProcess(session.process, app, file)
  return {
    hasFile: true,
    close: () => {
      unwatch()
      restoreOutput()
      app.redirectLog({ write: toTerminal })
      file.close()
    },
  }
}

function watchProcess(process: CliProcess, app: App, file: LogFile): () => void {
  const reopen = (): void => {
    file.reopen()
  }
  const onCrash = (error: Error): void => {
    app.logger.critical('The process ends, for nobody caught an error', { error })
  }
  process.on('SIGUSR2', reopen)
  process.on('uncaughtExceptionMonitor', onCrash)
  return () => {
    process.off('SIGUSR2', reopen)
    process.off('uncaughtExceptionMonitor', onCrash)
  }
}

/** In colour where a person looks, unless the settings say otherwise; `--no-color` wins. */
function terminalWriter({ output, process }: Session, { conf }: App, json: FormatRecord | undefined): WriteRecord {
  const { stderr } = process
  const colored = output.mayColor && (conf.workerLogColor ?? stderr.isTTY === true)
  const format = json ?? (colored ? formatColored : formatText)
  return (record) => {
    stderr.write(`${format(record)}\n`)
  }
}

function fileFormat({ conf }: App): FormatRecord {
  return conf.workerLogColor === true ? formatColored : formatText
}

/** What could not be written is counted, and told as soon as something can be. */
function fileWriter(file: LogFile, format: FormatRecord): WriteRecord {
  const lost = { lines: 0, reason: '' }
  const write = (record: LogRecord): boolean => {
    const error = file.write(`${format(record)}\n`)
    if (error !== undefined) lost.reason = error.message
    return error === undefined
  }
  return (record) => {
    if (!write(record)) lost.lines += 1
    else if (lost.lines > 0) {
      const message = `${count(lost.lines, 'line')} before this one could not be written: ${lost.reason}`
      if (write({ timeMs: record.timeMs, level: 'ERROR', message, fields: undefined })) lost.lines = 0
    }
  }
}

/** What is printed becomes log lines, as in Celery. Answers how to undo it. */
function redirectOutput(process: CliProcess, app: App, file: LogFile, isOwnLogger: boolean): () => void {
  const { workerRedirectStdouts, workerRedirectStdoutsLevel } = app.conf
  if (!workerRedirectStdouts) return () => undefined
  const level = parseLogLevel(workerRedirectStdoutsLevel) ?? 'WARNING'
  const undo = [process.stdout, process.stderr].map((stream) => {
    const lines = new OutputLines((line) => {
      // A logger of the user's may print what it is given, which would come back here for ever.
      if (isOwnLogger) logAt(app.logger, level, line, {})
      else file.write(`${line}\n`)
    })
    return replaceWrite(stream, lines)
  })
  return () => {
    for (const restore of undo) restore()
  }
}

function replaceWrite(stream: TextStream, lines: OutputLines): () => void {
  const original = stream.write
  const decoder = new TextDecoder()
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]) => {
    lines.push(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
    const done = rest.at(-1)
    if (typeof done === 'function') setImmediate(done as () => void)
    return true
  }
  return () => {
    lines.end()
    stream.write = original
  }
}
