/**
 * The terminal of a screen program: its own page of the screen, keys as they are pressed, and lines that are written only
 * where they have changed, so that nothing flickers. However the program ends, the terminal is as it was before.
 */
import { emitKeypressEvents } from 'node:readline'
import type { Key } from 'node:readline'
import type { TextStream } from '../output.ts'

/** Standard input of a terminal. */
export interface KeyStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined
  setRawMode?(raw: boolean): unknown
  unref?(): unknown
}

/** Standard output of a terminal. */
export interface ScreenStream extends TextStream {
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  on?(event: 'resize', listener: () => void): unknown
  off?(event: 'resize', listener: () => void): unknown
}

/** What a terminal needs of its process. */
export interface TerminalProcess {
  readonly stdin: KeyStream
  readonly stdout: ScreenStream
  readonly stderr: TextStream
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** A key that was pressed: its name where it has one, such as `up`, `return`, `escape`; else what it writes. */
export type OnKey = (key: string) => void

const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 }
/** The other page of the screen, without a cursor, where long lines do not flow over. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
/** Ways that a process ends without asking us; the first of them while the error can still be printed. */
const ENDS = ['uncaughtExceptionMonitor', 'exit'] as const
/** Lines of the log that are kept for the end. */
const MAX_LOG_LINES = 1000

export class Terminal {
  readonly #process: TerminalProcess
  readonly #onKey: OnKey
  readonly #onResize: () => void
  #shown: readonly string[] = []
  #open = false
  #restoreLog: (() => void) | undefined

  /** Nothing happens before `open()`. `onResize` is told that everything must be drawn again. */
  constructor(process: TerminalProcess, onKey: OnKey, onResize: () => void) {
    this.#process = process
    this.#onKey = onKey
    this.#onResize = onResize
  }

  get size(): TerminalSize {
    const { columns, rows } = this.#process.stdout
    return { columns: orDefault(columns, DEFAULT_SIZE.columns), rows: orDefault(rows, DEFAULT_SIZE.rows) }
  }

  /** Take the terminal. `onLog` is told of lines that are written to standard error, which are printed at the end. */
  open(onLog: (line: string) => void): void {
    const { stdin, stdout } = this.#process
    this.#open = true
    for (const end of ENDS) this.#process.on(end, this.#close)
    this.#restoreLog = this.#divertLog(onLog)
    emitKeypressEvents(stdin)
    stdin.setRawMode?.(true)
    stdin.on('keypress', this.#pressed)
    stdin.resume()
    stdout.on?.('resize', this.#resized)
    stdout.write(ENTER)
  }

  /** Show these lines, from the top; what was below is gone. */
  show(lines: readonly string[]): void {
    if (!this.#open) return
    let text = ''
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row += 1) {
      const line = lines[row] ?? ''
      if (line !== this.#shown[row]) text += `\u001b[${String(row + 1)};1H\u001b[0m${line}\u001b[0m\u001b[K`
    }
    this.#shown = lines
    if (text !== '') this.#process.stdout.write(text)
  }

  /** Something that was asked for cannot be done. */
  beep(): void {
    if (this.#open) this.#process.stdout.write('\u0007')
  }

  /** Give the terminal back. May be called twice. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    const { stdin, stdout } = this.#process
    for (const end of ENDS) this.#process.off(end, this.#close)
    stdout.off?.('resize', this.#resized)
    stdin.off('keypress', this.#pressed)
    stdin.pause()
    stdin.setRawMode?.(false)
    stdout.write(LEAVE)
    this.#restoreLog?.()
  }

  readonly #close = (): void => {
    this.close()
  }

  readonly #resized = (): void => {
    this.#shown = []
    this.#process.stdout.write('\u001b[2J')
    this.#onResize()
  }

  readonly #pressed = (text: string | undefined, key: Key): void => {
    if (key.ctrl === true && key.name !== undefined) this.#onKey(`ctrl+${key.name}`)
    else if (NAMED_KEYS.has(key.name ?? '')) this.#onKey(key.name ?? '')
    else if (text !== undefined && key.meta !== true) this.#onKey(text)
  }

  /** Log lines in the middle of the screen would spoil it. Where the log goes elsewhere, it is left alone. */
  #divertLog(onLog: (line: string) => void): () => void {
    const { stderr } = this.#process
    if (stderr.isTTY !== true) return () => undefined
    const write = stderr.write.bind(stderr)
    const kept: string[] = []
    stderr.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      kept.push(text)
      if (kept.length > MAX_LOG_LINES) kept.shift()
      onLog(text)
      // Whoever waits until it is written shall not wait for the end.
      const written = rest.at(-1)
      if (typeof written === 'function') process.nextTick(written)
      return true
    }
    return () => {
      stderr.write = write
      for (const text of kept) write(text)
    }
  }
}

/** Keys that write nothing, or something that nobody wants. */
const NAMED_KEYS: ReadonlySet<string> = new Set(['up', 'down', 'return', 'enter', 'escape', 'backspace'])

/** A terminal that does not say how large it is says 0. */
function orDefault(size: number | undefined, value: number): number {
  return size === undefined || size <= 0 ? value : size
}
