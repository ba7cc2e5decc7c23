/** Messages as a consumer hands them over, for tests: they note what is said of them. */
import { IncomingMessage } from '../../src/messaging/consumer.ts'
import type { Message } from '../../src/protocol/message.ts'
import { encodeTask } from '../../src/protocol/task.ts'
import type { TaskCall } from '../../src/protocol/task.ts'
import type { RejectOptions } from '../../src/transport/transport.ts'

export interface Noted {
  readonly message: IncomingMessage
  /** What was said: `ack`, `reject`, `requeue`, `give back`, `give back until 1500`. */
  readonly said: string[]
}

/** How it came in, and what becomes of what is said of it. */
export interface Fate {
  readonly redelivered?: boolean
  /** With which saying anything fails. */
  readonly error?: Error
}

/** A task message that came in. */
export function incomingTask(call: Partial<TaskCall> = {}, changes: Partial<Message> = {}, fate: Fate = {}): Noted {
  const encoded = encodeTask({ id: 'id-1', name: 'proj.add', args: [], kwargs: {}, origin: 'gen1@test', ...call })
  const message = {
    headers: encoded.headers,
    properties: encoded.properties,
    body: JSON.stringify(encoded.body),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    ...changes,
  }
  return incoming(message, fate)
}

/** Any message that came in. */
export function incoming(message: Message, { redelivered = false, error }: Fate = {}): Noted {
  const said: string[] = []
  const note = (word: string): Promise<void> => {
    said.push(word)
    return error === undefined ? Promise.resolve() : Promise.reject(error)
  }
  const delivery = { deliveryTag: 1, exchange: '', routingKey: 'celery', queue: 'celery', redelivered, message }
  const by = {
    ack: () => note('ack'),
    reject: (_message: IncomingMessage, requeue: boolean, options: RejectOptions = {}) => {
      const until = options.dueMs === undefined ? '' : ` until ${String(options.dueMs)}`
      return note(!requeue ? 'reject' : options.redelivered === false ? `give back${until}` : 'requeue')
    },
    repeated: (_message: IncomingMessage, verb: string) => note(`${verb} again`),
  }
  return { message: new IncomingMessage(delivery, by, 'unacked'), said }
}
