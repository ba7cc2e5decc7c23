/** The screen of `celeriac events`, as lines: what is drawn, and nothing of when. Keys and commands are `monitor.ts`. */
import type { State } from '../../events/state.ts'
import type { TaskRecord } from '../../events/task-record.ts'
import { EXCEPTION_STATES, REVOKED, STARTED, SUCCESS } from '../../protocol/states.ts'
import type { Style } from '../output.ts'
import type { TerminalSize } from './terminal.ts'
import { abbreviate, abbreviateName, cell, printable, wrap } from './text.ts'

/** Something that covers the list until a key is pressed. */
export interface Popup {
  readonly title: string
  readonly lines: readonly PopupLine[]
}

export interface PopupLine {
  /** In bold, before the text. */
  readonly label?: string
  readonly text: string
  readonly style?: Style
}

/** What there is to see. */
export interface View {
  readonly state: State
  /** Id of the task that is selected. */
  readonly selected: string | undefined
  readonly popup: Popup | undefined
  /** What is being typed, with its question. */
  readonly prompt: string | undefined
  /** The first line. */
  readonly title: string
  /** What the log or the connection says; in the place of the title's right half. */
  readonly notice: string
}

/** Text in a style, where the terminal shows any. */
export type Paint = (style: Style, text: string) => string

/** Lines that are not the list: title, header, rule, selection, workers, counts, keys. */
const OTHER_LINES = 7
const KEYS = 'j:down k:up i:info t:traceback r:result c:revoke l:rate limit q:quit'
const UUID_WIDTH = 36
const STATE_WIDTH = 8
const TIME_WIDTH = '00:00:00'.length
const MIN_WORKER_WIDTH = 15
const MIN_NAME_WIDTH = 16
const ANY_KEY = 'Press any key to continue...'

/** How many tasks the list of a terminal of this size shows. */
export function listLength({ rows }: TerminalSize): number {
  return Math.max(rows - OTHER_LINES, 1)
}

/** The lines of the screen: at most as many as there are rows. */
export function drawScreen(view: View, size: TerminalSize, paint: Paint): string[] {
  const lines = view.popup === undefined ? drawList(view, size, paint) : drawPopup(view.popup, size, paint)
  return lines.slice(0, size.rows)
}

function drawList(view: View, size: TerminalSize, paint: Paint): string[] {
  const { columns } = size
  const { state, prompt } = view
  const tasks = [...state.tasksByTime({ limit: listLength(size) })]
  const empty = Array.from({ length: listLength(size) - tasks.length }, () => '')
  const labelled = (label: string, text: string): string =>
    paint('bold', cell(label, Math.min(label.length, columns))) + abbreviate(text, columns - label.length)
  const alive = state.aliveWorkers().map(({ hostname }) => printable(hostname))
  const online = alive.length === 0 ? 'No workers discovered.' : labelled('Workers online: ', alive.sort().join(', '))
  const counts = [
    `events: ${String(state.eventCount)}`,
    `tasks: ${String(state.taskCount)}`,
    `workers: ${String(alive.length)}/${String(state.workers.size)}`,
  ]
  return [
    drawTitle(view, columns, paint),
    paint(['bold', 'underline'], drawHeader(columns)),
    ...tasks.map((task) => drawTask(task, task.uuid === view.selected, columns, paint)),
    ...empty,
    '─'.repeat(columns),
    drawSelected(view, labelled),
    abbreviate(online, online.startsWith('No') ? columns : Infinity),
    labelled('Info: ', counts.join(' ')),
    prompt === undefined ? labelled('Keys: ', KEYS) : paint('bold', abbreviate(printable(prompt), columns)),
  ]
}

function drawTitle({ title, notice }: View, columns: number, paint: Paint): string {
  const room = columns - title.length - 2
  if (notice === '' || room < 1) return paint('blue', abbreviate(title, columns))
  return `${paint('blue', title)}  ${paint('yellow', abbreviate(printable(notice), room))}`
}

function drawHeader(columns: number): string {
  const { uuid, worker, name } = widthsOf(columns)
  const cells = [cell('UUID', uuid), cell('WORKER', worker), cell('TASK', name), cell('TIME', TIME_WIDTH)]
  return abbreviate([...cells, cell('STATE', STATE_WIDTH)].join(' '), columns)
}

function drawTask(task: TaskRecord, isSelected: boolean, columns: number, paint: Paint): string {
  const { uuid, worker, name } = widthsOf(columns)
  const before = [
    cell(task.uuid, uuid),
    cell(task.worker?.hostname ?? '*NONE*', worker),
    cell(abbreviateName(printable(task.name ?? ''), name), name),
    cell(timeOf(task), TIME_WIDTH),
  ].join(' ')
  const text = abbreviate(`${before} `, columns)
  const state = abbreviate(cell(task.state, STATE_WIDTH), columns - text.length)
  const color = colorOf(task.state)
  if (isSelected) return paint('inverse', text) + paint(color === undefined ? 'inverse' : ['inverse', color], state)
  return text + (color === undefined ? state : paint(color, state))
}

/** Names share what ids, times and states leave; ids give way first. */
function widthsOf(columns: number): { readonly uuid: number; readonly worker: number; readonly name: number } {
  const room = columns - STATE_WIDTH - TIME_WIDTH - 4
  const uuid = Math.max(Math.min(UUID_WIDTH, room - MIN_NAME_WIDTH - MIN_WORKER_WIDTH), 0)
  const name = Math.max(Math.ceil((room - uuid) / 2), 0)
  return { uuid, name, worker: Math.max(room - uuid - name, 0) }
}

function drawSelected({ state, selected }: View, labelled: (label: string, text: string) => string): string {
  if (selected === undefined) return 'No task selected'
  const task = state.tasks.get(selected)
  const facts = Object.entries(task?.info() ?? {}).map(([name, value]) => `${name}=${String(value)}`)
  return labelled('Selected: ', printable(facts.length === 0 ? 'Missing extended info' : facts.join(' ')))
}

function drawPopup({ title, lines }: Popup, { columns, rows }: TerminalSize, paint: Paint): string[] {
  const margin = '   '
  const width = Math.max(columns - margin.length - 1, 1)
  const drawn = lines.flatMap((line) => drawPopupLine(line, width, paint)).map((line) => margin + line)
  const room = Math.max(rows - 4, 1)
  const cut = drawn.length > room
  const shown = cut ? [...drawn.slice(0, room - 1), `${margin}[...]`] : drawn
  const empty = Array.from({ length: room - shown.length }, () => '')
  const head = ['', margin + paint(['bold', 'underline'], abbreviate(printable(title), width)), '']
  return [...head, ...shown, ...empty, paint('bold', abbreviate(ANY_KEY, columns))]
}

/** What does not fit behind its label is drawn below it. */
function drawPopupLine({ label, text, style }: PopupLine, width: number, paint: Paint): string[] {
  const styled = (line: string): string => (style === undefined ? line : paint(style, line))
  if (label === undefined) return wrap(text, width).map(styled)
  const head = `${printable(label)}: `
  const [only = '', ...more] = wrap(text, width)
  if (more.length === 0 && head.length + only.length <= width) return [paint('bold', head) + styled(only)]
  return [paint('bold', abbreviate(head, width)), ...wrap(text, width - 4).map((line) => `    ${styled(line)}`)]
}

function colorOf(state: string): 'green' | 'magenta' | 'yellow' | 'red' | undefined {
  if (state === SUCCESS) return 'green'
  if (state === REVOKED) return 'magenta'
  if (state === STARTED) return 'yellow'
  return EXCEPTION_STATES.has(state) ? 'red' : undefined
}

/** UTC, as in Celery. */
function timeOf({ timestamp = NaN }: TaskRecord): string {
  const date = new Date(timestamp * 1000)
  return Number.isNaN(date.getTime())
    ? ''
    : date.toISOString().slice('2026-11-21T'.length, '2026-11-21T00:00:00'.length)
}
