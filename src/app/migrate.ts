/** Tasks from one broker to another, for `celeriac migrate` and for programs. How messages move is `messaging/migration.ts`. */
import { ImproperlyConfigured } from '../errors.ts'
import { migrate } from '../messaging/migration.ts'
import type { MigrationProgress, MigrationResult, QueuePair } from '../messaging/migration.ts'
import type { Message } from '../protocol/message.ts'
import { decodeTaskV1, isTaskV2 } from '../protocol/task.ts'
import type { App } from './app.ts'

/** Which tasks are moved, and how. */
export interface MigrateTasksOptions {
  /** Names of queues; `old:new` gives a queue another name at the destination. Default: all queues of the app but broadcast ones. */
  readonly queues?: readonly string[]
  /** Only tasks of these names. Default: all messages, also those that nobody can read. */
  readonly tasks?: readonly string[]
  /** So many messages at most. Default: no limit. */
  readonly limit?: number
  /** Ends when no message has come for so many seconds. Default 1. */
  readonly timeout?: number
  /** Take what was moved away from the source, as soon as the destination has confirmed it. Default false: copy. */
  readonly ackMessages?: boolean
  /** Does not end by itself. Default false. */
  readonly forever?: boolean
  /** Ends after the messages that are on their way. */
  readonly signal?: AbortSignal
  /** Told at the beginning, and whenever the destination has confirmed some. */
  readonly onProgress?: (progress: MigrationProgress) => void
}

/**
 * Copy, or with `ackMessages` move, tasks from the broker at one URL to the broker at another; they may be of different
 * kinds. Messages keep their headers, properties and bodies as they are. Queues are declared at the destination, as the app
 * declares them. Killed at any moment, it loses nothing; a message may then be at both.
 *
 * Rejects with `OperationalError` where a broker cannot be reached or is lost, with `ImproperlyConfigured` where a queue
 * would be moved into itself.
 */
export async function migrateTasks(
  app: App,
  source: string,
  destination: string,
  options: MigrateTasksOptions = {},
): Promise<MigrationResult> {
  const queues = await queuePairs(app, options.queues)
  if (source === destination) refuseCircles(queues)
  const from = await app.connectTo(source)
  const to = await app.connectTo(destination)
  const { tasks, limit, signal, onProgress } = options
  try {
    return await migrate({
      source: from,
      destination: to,
      queues,
      clock: app.clock,
      acknowledge: options.ackMessages ?? false,
      idleMs: (options.timeout ?? 1) * 1000,
      forever: options.forever ?? false,
      ...(tasks === undefined ? {} : { wanted: isOneOf(app, new Set(tasks)) }),
      ...(limit === undefined ? {} : { limit }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
  } finally {
    await Promise.all([from.close(), to.close()])
  }
}

/** `a`, `a:b` and the app's own queues as pairs. */
async function queuePairs(app: App, names: readonly string[] | undefined): Promise<QueuePair[]> {
  await app.prepare()
  const given = names ?? app.queues.all().flatMap(({ name, broadcast }) => (broadcast ? [] : [name]))
  return given.map((text) => {
    const [source = '', target] = text.split(':')
    const name = target === undefined || target === '' ? source : target
    return { source: app.queues.has(source) ? app.queues.get(source).name : source, destination: app.queues.get(name) }
  })
}

function refuseCircles(queues: readonly QueuePair[]): void {
  const sources = new Set(queues.map(({ source }) => source))
  const circle = queues.find(({ destination }) => sources.has(destination.name))
  if (circle === undefined) return
  throw new ImproperlyConfigured(
    `Source and destination are the same broker, and the queue "${circle.destination.name}" would be moved into itself: ` +
      'give it another name there, such as old:new',
  )
}

/** Is it a task of one of these names? What cannot be read is none. */
function isOneOf(app: App, names: ReadonlySet<string>): (message: Message) => boolean {
  return (message) => names.has(taskName(app, message) ?? '')
}

function taskName(app: App, message: Message): string | undefined {
  const { headers, properties } = message
  if (isTaskV2(headers)) return String(headers['task'])
  try {
    return decodeTaskV1(app.decode(message), properties).head.name
  } catch {
    return undefined
  }
}
