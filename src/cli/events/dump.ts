/** `celeriac events --dump`: one line for each event, as Celery's `evdump` writes it. */
import type { ReceivedEvent } from '../../events/listener.ts'
import { repr } from '../../util/repr.ts'
import { printable } from './text.ts'

/** The names of so many tasks are remembered, for events that do not say them. */
const MAX_NAMES = 4095

/** Types that have another name for people. */
const HUMAN_TYPES: Readonly<Record<string, string>> = {
  'worker-offline': 'shutdown',
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
}

/** Writes events as lines. */
export class Dumper {
  /** `proj.add(id) args=(2, 2) kwargs={}` by id. */
  readonly #tasks = new Map<string, string>()

  /** `celery@host [2026-11-21 10:00:00.123] task started: proj.add(id) args=(2, 2) kwargs={} clock=5, pid=9` */
  line(event: ReceivedEvent): string {
    const { timestamp, type, hostname, ...fields } = event
    const isTask = type.startsWith('task-') && typeof fields.uuid === 'string'
    const subject = isTask ? this.#task(type, fields) : ''
    const facts = Object.keys(fields)
      .filter((name) => !isTask || name !== 'uuid')
      .sort()
      .map((name) => `${name}=${valueText(fields[name])}`)
      .join(', ')
    const rest = [subject, facts].filter((part) => part !== '').join(' ')
    return printable(`${hostname} [${utc(timestamp)}] ${humanType(type)}${rest === '' ? '' : `: ${rest}`}`)
  }

  /** Which task it is about. What is said there is taken out of the other fields. */
  #task(type: string, fields: Record<string, unknown>): string {
    const uuid = String(fields['uuid'])
    if (type !== 'task-received' && type !== 'task-sent') return this.#tasks.get(uuid) ?? uuid
    const { name, args, kwargs } = fields
    for (const said of ['name', 'args', 'kwargs']) Reflect.deleteProperty(fields, said)
    const task = `${valueText(name)}(${uuid}) args=${valueText(args)} kwargs=${valueText(kwargs)}`
    this.#remember(uuid, task)
    return task
  }

  #remember(uuid: string, task: string): void {
    this.#tasks.delete(uuid)
    this.#tasks.set(uuid, task)
    const [oldest] = this.#tasks.keys()
    if (oldest !== undefined && this.#tasks.size > MAX_NAMES) this.#tasks.delete(oldest)
  }
}

function humanType(type: string): string {
  const lower = type.toLowerCase()
  return HUMAN_TYPES[lower] ?? lower.replaceAll('-', ' ')
}

/** As Python prints it: text as it is. */
function valueText(value: unknown): string {
  return typeof value === 'string' ? value : repr(value)
}

/** `2026-11-21 10:00:00.123` */
function utc(timestamp: number): string {
  const date = new Date(timestamp * 1000)
  return Number.isNaN(date.getTime()) ? String(timestamp) : date.toISOString().replace('T', ' ').replace('Z', '')
}
