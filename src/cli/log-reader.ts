/**
 * Records of worker logs, one after the other, however long the files are: the lines of Celery and of our own, each with
 * what is written below it, and lines of JSON. Files whose names end in .gz are unpacked.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { ImproperlyConfigured } from '../errors.ts'

/** One record of a log. */
export interface LoggedRecord {
  /** The line as it stands in the file. */
  readonly line: string
  /** What the line says behind time, level and process. */
  readonly message: string
  /** What belongs to it and stands below it, such as a traceback. */
  readonly below: readonly string[]
}

/** `[2026-11-21 10:00:00,123: INFO/MainProcess] message` */
const HEAD = /^\[\d{4}-\d\d-\d\d [^\]]*\] ?(.*)$/
/** Where a JSON record has what stands below a line of text. */
const JSON_DETAILS: readonly string[] = ['traceback', 'stack', 'exception', 'exc_info', 'error']

/** The records of these files, in their order; `-`, or no file, is standard input. Throws `ImproperlyConfigured`. */
export async function* readLogs(
  files: readonly string[],
  stdin: NodeJS.ReadableStream,
): AsyncGenerator<LoggedRecord, void> {
  for (const file of files.length === 0 ? ['-'] : files) yield* recordsOf(linesOf(file, stdin))
}

/** A line that begins no record belongs to the one before it. */
async function* recordsOf(lines: AsyncIterable<string>): AsyncGenerator<LoggedRecord, void> {
  let open: { line: string; message: string; below: string[] } | undefined
  for await (const line of lines) {
    const found = readJson(line) ?? readText(line)
    if (found === undefined) open?.below.push(line)
    else {
      if (open !== undefined) yield open
      open = { ...found, line }
    }
  }
  if (open !== undefined) yield open
}

function readText(line: string): { message: string; below: string[] } | undefined {
  const [, message] = HEAD.exec(line) ?? []
  return message === undefined ? undefined : { message, below: [] }
}

function readJson(line: string): { message: string; below: string[] } | undefined {
  if (!line.startsWith('{')) return undefined
  const record = parse(line)
  if (typeof record?.['message'] !== 'string') return undefined
  const [message = '', ...below] = record['message'].split('\n')
  for (const name of JSON_DETAILS) {
    const detail = detailOf(record[name])
    if (detail !== undefined) below.push(...detail.split('\n'))
  }
  return { message, below }
}

/** A text, or an object with one. */
function detailOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return undefined
  const { stack, message } = value as { readonly stack?: unknown; readonly message?: unknown }
  return [stack, message].find((text) => typeof text === 'string')
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

async function* linesOf(file: string, stdin: NodeJS.ReadableStream): AsyncGenerator<string, void> {
  try {
    yield* createInterface({ input: open(file, stdin), crlfDelay: Infinity })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImproperlyConfigured(`The log ${file} cannot be read: ${reason}`, { cause: error })
  }
}

function open(file: string, stdin: NodeJS.ReadableStream): NodeJS.ReadableStream {
  if (file === '-') return stdin
  const bytes = createReadStream(file)
  if (!file.endsWith('.gz')) return bytes
  const text = createGunzip()
  bytes.on('error', (error) => text.destroy(error)).pipe(text)
  return text
}
