/** What a child writes on one of its standard streams, cut into lines for the worker's log. */

/** A longer line is logged in parts, so that output without line ends cannot fill the memory. */
const MAX_LINE = 16 * 1024

export class OutputLines {
  readonly #onLine: (line: string) => void
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** Take text as it comes; empty lines are dropped, as Celery's logger does. */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#emit(line)
    if (this.#rest.length >= MAX_LINE) this.end()
  }

  /** Nothing more will come: what has no line end is a line too. */
  end(): void {
    const rest = this.#rest
    this.#rest = ''
    this.#emit(rest)
  }

  #emit(line: string): void {
    const text = line.trimEnd()
    for (let from = 0; from < text.length; from += MAX_LINE) this.#onLine(text.slice(from, from + MAX_LINE))
  }
}
