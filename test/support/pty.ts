/** Programs in a real pseudo-terminal, and what stands on its screen. Python has the means for that; see `run-in-pty.py`. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { describeWithServer, requireServer, stopProcess } from './server.ts'
import { ROOT } from './sources.ts'
import { waitFor } from './wait-for.ts'

/** How a program in a terminal ended, and how it left the terminal. */
export interface PtyEnd {
  /** The exit code; minus the signal's number where a signal ended it. */
  readonly code: number
  /** Does the terminal show again what is typed? */
  readonly echo: boolean
}

export interface PtyOptions {
  readonly columns: number
  readonly rows: number
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** `describe` for tests that need a pseudo-terminal. */
export function describeWithPty(name: string, tests: () => void): void {
  describeWithServer(name, 'python3', requireServer('python3', ['python3']), tests)
}

/** Start a program in a terminal of its own. It is killed when the test ends. */
export function startInPty(command: readonly string[], options: PtyOptions): Pty {
  const pty = new Pty(command, options)
  onTestFinished(() => pty.kill())
  return pty
}

export class Pty {
  /** How it ended, once it has. */
  readonly ended: Promise<PtyEnd>
  readonly screen: Screen = new Screen()
  readonly #process: ChildProcess

  constructor(command: readonly string[], { columns, rows, cwd, env }: PtyOptions) {
    const script = join(ROOT, 'test/support/run-in-pty.py')
    this.#process = spawn('python3', [script, String(columns), String(rows), ...command], {
      cwd,
      env: { ...process.env, TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.ended = new Promise((resolve) => {
      createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const news = JSON.parse(line) as { data: string } | PtyEnd
        if ('data' in news) this.screen.write(news.data)
        else resolve(news)
      })
    })
  }

  press(keys: string): void {
    this.#order({ keys })
  }

  resize(columns: number, rows: number): void {
    this.screen.clear()
    this.#order({ resize: [columns, rows] })
  }

  /** Wait until something like this stands on the screen. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    return waitFor(() => pattern.exec(this.screen.text), { what: `the screen to show ${String(pattern)}` }).catch(
      (error: unknown) => {
        throw new Error(`Nothing like ${String(pattern)} on the screen:\n${this.screen.text}`, { cause: error })
      },
    )
  }

  async kill(): Promise<void> {
    await stopProcess(this.#process, 'SIGKILL')
  }

  #order(order: object): void {
    this.#process.stdin?.write(`${JSON.stringify(order)}\n`)
  }
}

// eslint-disable-next-line no-control-regex -- a sequence that is cut off
const UNFINISHED = /^\u001b(\[[?\d;]*)?$/

/** As much of a terminal as our screens use: places, the end of a line, another page. Styles are left out. */
export class Screen {
  /** All that was written, with everything. */
  written = ''
  /** Is it the other page? */
  isAlternate = false
  #lines: string[] = []
  #row = 0
  #column = 0
  #rest = ''

  /** The lines without blanks at their ends. */
  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join('\n')
  }

  clear(): void {
    this.#lines = []
  }

  write(data: string): void {
    this.written += data
    const text = this.#rest + data
    // eslint-disable-next-line no-control-regex -- sequences that command a terminal
    const parts = /\u001b\[([?\d;]*)([A-Za-z])|\u001b(?:\[[?\d;]*)?$|[^\u001b]+|\u001b./g
    this.#rest = ''
    for (const [part, argument = '', verb] of text.matchAll(parts)) {
      if (verb !== undefined) this.#obey(argument, verb)
      else if (!part.startsWith('\u001b')) this.#print(part)
      else if (UNFINISHED.test(part)) this.#rest = part
    }
  }

  #obey(argument: string, verb: string): void {
    if (argument === '?1049' && 'hl'.includes(verb)) {
      this.isAlternate = verb === 'h'
      this.clear()
    } else if (verb === 'H') {
      const [row = 1, column = 1] = argument.split(';').map(Number)
      this.#row = row - 1
      this.#column = column - 1
    } else if (verb === 'J') this.clear()
    else if (verb === 'K') this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column)
  }

  #print(text: string): void {
    for (const character of text) {
      if (character === '\n') {
        this.#row += 1
      } else if (character === '\r') {
        this.#column = 0
      } else if (character >= ' ') {
        while (this.#lines.length <= this.#row) this.#lines.push('')
        const line = (this.#lines[this.#row] ?? '').padEnd(this.#column)
        this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
        this.#column += 1
      }
    }
  }
}
