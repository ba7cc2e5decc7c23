/**
 * The monitor: what happens on the screen of `celeriac events`. Keys select tasks, show what is known of them, and send
 * commands to the workers; the screen is drawn after each key and a few times a second while events come.
 */
import type { State } from '../../events/state.ts'
import { EXCEPTION_STATES } from '../../protocol/states.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { repr } from '../../util/repr.ts'
import { drawScreen, listLength } from './screen.ts'
import type { Paint, Popup, PopupLine } from './screen.ts'
import { Terminal } from './terminal.ts'
import type { TerminalProcess } from './terminal.ts'

/** What a worker answered, under its name. */
type Reply = Readonly<Record<string, unknown>>

/** What a monitor needs of its command. */
export interface MonitorParts {
  readonly state: State
  readonly process: TerminalProcess
  readonly clock: Clock
  readonly paint: Paint
  /** The first line of the screen. */
  readonly title: string
  /** Sends a command to all workers and gathers their replies. */
  readonly ask: (command: string, args: Readonly<Record<string, unknown>>) => Promise<readonly Reply[]>
  /** The user wants to leave. */
  readonly onQuit: () => void
}

/** The screen is drawn anew so often, in milliseconds: workers fall silent also while nothing comes. */
const REDRAW_MS = 250

export class Monitor {
  readonly #parts: MonitorParts
  readonly #terminal: Terminal
  readonly #keys: Readonly<Record<string, () => void>>
  #selected: string | undefined
  #popup: Popup | undefined
  /** What is being typed after its question. */
  #typed: string | undefined
  #notice = ''
  #timer: Timer | undefined

  constructor(parts: MonitorParts) {
    this.#parts = parts
    const draw = (): void => {
      this.draw()
    }
    this.#terminal = new Terminal(parts.process, (key) => this.#press(key), draw)
    const down = (): void => {
      this.#move(1)
    }
    const up = (): void => {
      this.#move(-1)
    }
    const info = (): void => {
      this.#showInfo()
    }
    this.#keys = {
      ...{ j: down, down, k: up, up, i: info, return: info, enter: info },
      t: () => {
        this.#showTraceback()
      },
      r: () => {
        this.#showResult()
      },
      c: () => {
        this.#revoke()
      },
      l: () => {
        this.#askRateLimit()
      },
      q: parts.onQuit,
    }
  }

  /** Take the terminal and draw from now on. */
  open(): void {
    this.#terminal.open((line) => {
      this.notice(line.trim().split('\n')[0] ?? '')
    })
    this.#redrawLater()
    this.draw()
  }

  /** Give the terminal back. May be called twice. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#terminal.close()
  }

  /** Say something in the first line; the empty text is nothing. */
  notice(text: string): void {
    this.#notice = text
  }

  draw(): void {
    const { state, title, paint } = this.#parts
    const prompt = this.#typed === undefined ? undefined : `New rate limit: ${this.#typed}_`
    const view = { state, title, selected: this.#selected, popup: this.#popup, prompt, notice: this.#notice }
    this.#terminal.show(drawScreen(view, this.#terminal.size, paint))
  }

  #redrawLater(): void {
    this.#timer = this.#parts.clock.after(REDRAW_MS, () => {
      this.draw()
      this.#redrawLater()
    })
  }

  #press(key: string): void {
    if (key === 'ctrl+c') this.#parts.onQuit()
    else if (this.#popup !== undefined) this.#popup = undefined
    else if (this.#typed !== undefined) this.#type(key, this.#typed)
    else (this.#keys[key.toLowerCase()] ?? (() => undefined))()
    this.draw()
  }

  #type(key: string, typed: string): void {
    if (key === 'escape') this.#typed = undefined
    else if (key === 'backspace') this.#typed = typed.slice(0, -1)
    else if (key === 'return' || key === 'enter') this.#limitRate(typed.trim())
    else this.#typed = typed + key
  }

  /** From a task that is no longer listed it goes to the first. */
  #move(direction: number): void {
    const tasks = [...this.#parts.state.tasksByTime({ limit: listLength(this.#terminal.size) })]
    const place = tasks.findIndex(({ uuid }) => uuid === this.#selected)
    this.#selected = (tasks[place === -1 ? 0 : place + direction] ?? tasks[0])?.uuid
  }

  #showInfo(): void {
    const task = this.#task()
    if (task === undefined) return
    const lines = Object.entries(task.info(undefined, ['state'])).map(([label, value]) => ({
      label,
      text: textOf(value),
    }))
    this.#popup = { title: `Task details for ${task.uuid}`, lines }
  }

  #showTraceback(): void {
    const task = this.#task()
    if (task === undefined) return
    if (!EXCEPTION_STATES.has(task.state) || task.traceback === undefined) this.#terminal.beep()
    else this.#popup = { title: `Task Exception Traceback for ${task.uuid}`, lines: [{ text: task.traceback }] }
  }

  #showResult(): void {
    const task = this.#task()
    if (task === undefined) return
    this.#popup = { title: `Task Result for ${task.uuid}`, lines: [{ text: task.result ?? task.exception ?? '' }] }
  }

  #revoke(): void {
    const task = this.#task()
    if (task === undefined) return
    this.#send('revoke', { task_id: task.uuid, terminate: false, signal: 'SIGTERM' })
  }

  #askRateLimit(): void {
    const task = this.#task()
    if (task === undefined) return
    if (task.name === undefined) this.#terminal.beep()
    else this.#typed = ''
  }

  #limitRate(rate: string): void {
    this.#typed = undefined
    const name = this.#task()?.name
    if (rate !== '' && name !== undefined) this.#send('rate_limit', { task_name: name, rate_limit: rate })
  }

  /** The task that is selected; where there is none, the terminal beeps. */
  #task(): ReturnType<State['tasks']['get']> {
    const task = this.#selected === undefined ? undefined : this.#parts.state.tasks.get(this.#selected)
    if (task === undefined) this.#terminal.beep()
    return task
  }

  #send(command: string, args: Readonly<Record<string, unknown>>): void {
    const title = 'Remote Control Command Replies'
    const waiting: Popup = { title, lines: [{ text: 'Waiting for replies...' }] }
    this.#popup = waiting
    const show = (lines: readonly PopupLine[]): void => {
      // It may have been left meanwhile.
      if (this.#popup === waiting) this.#popup = { title, lines }
      this.draw()
    }
    this.#parts.ask(command, args).then(
      (replies) => {
        show(linesOf(replies))
      },
      (error: unknown) => {
        show([{ text: error instanceof Error ? error.message : String(error), style: 'red' }])
      },
    )
  }
}

function linesOf(replies: readonly Reply[]): PopupLine[] {
  if (replies.length === 0) return [{ text: 'No replies received in 1s deadline.', style: ['bold', 'red'] }]
  return replies.flatMap((reply) => Object.entries(reply).map(([label, answer]) => ({ label, ...answerOf(answer) })))
}

function answerOf(answer: unknown): Pick<PopupLine, 'text' | 'style'> {
  const { ok, error } = (answer ?? {}) as { readonly ok?: unknown; readonly error?: unknown }
  if (error !== undefined) return { text: textOf(error), style: 'red' }
  return { text: textOf(ok ?? answer), style: 'green' }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : repr(value)
}
