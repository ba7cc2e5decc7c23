/**
 * What commands print, and where: results on standard output, notes and errors on standard error. Tables and colour on a
 * terminal only; lines that programs can split everywhere else.
 */
import { inspect, styleText } from 'node:util'

/** A style of `util.styleText`, or several. */
export type Style = Parameters<typeof styleText>[0]

/** A stream that may be a terminal: `process.stdout`, or a test's. */
export interface TextStream {
  write: (text: string) => unknown
  readonly isTTY?: boolean | undefined
}

/** How to print. */
export interface OutputOptions {
  readonly stdout: TextStream
  readonly stderr: TextStream
  /** False: never any colour. True: on terminals. */
  readonly color: boolean
  /** Leave out banners and notes. */
  readonly quiet: boolean
}

export class Output {
  readonly #options: OutputOptions

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** Is there a person looking at standard output? */
  get isTerminal(): boolean {
    return this.#options.stdout.isTTY === true
  }

  /** Does the user let this program show colours? */
  get mayColor(): boolean {
    return this.#options.color
  }

  /** A line of the result. */
  line(text: string = ''): void {
    this.#options.stdout.write(`${text}\n`)
  }

  /** A value for programs: one line of JSON where a program reads it, several where a person does. */
  json(value: unknown): void {
    this.line(JSON.stringify(value, undefined, this.isTerminal ? 2 : undefined))
  }

  /** A value for people: text as it is, all else as JavaScript writes it. */
  value(value: unknown): void {
    this.line(
      typeof value === 'string' ? value : inspect(value, { depth: 10, colors: this.#colored(this.#options.stdout) }),
    )
  }

  /** Columns with a header on a terminal; elsewhere lines with tabs between, without a header. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void {
    if (!this.isTerminal) {
      for (const row of rows) this.line(row.join('\t'))
      return
    }
    const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
    const align = (row: readonly string[]): string =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')
    this.line(this.style('bold', align(header)))
    for (const row of rows) this.line(align(row))
  }

  /** Something a person may like to know; left out when quiet. */
  note(text: string): void {
    if (!this.#options.quiet) this.#options.stderr.write(`${text}\n`)
  }

  /** What went wrong. */
  error(text: string): void {
    const label = this.#colored(this.#options.stderr) ? paint(['bold', 'red'], 'Error:') : 'Error:'
    this.#options.stderr.write(`${label} ${text}\n`)
  }

  /** The text in this style where standard output shows colours. */
  style(style: Style, text: string): string {
    return this.#colored(this.#options.stdout) ? paint(style, text) : text
  }

  /** Left out when quiet: the start banner and the like, on standard output. */
  banner(text: string): void {
    if (!this.#options.quiet) this.#options.stdout.write(text)
  }

  #colored(stream: TextStream): boolean {
    return this.#options.color && stream.isTTY === true
  }
}

/** `1 message`, `2 messages`. */
export function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`
}

/** Whether the stream shows colours was asked before; Node's own question would be about another stream. */
function paint(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false })
}
