/** Messages as a consumer hands them over, for tests: they note what is said of them. */
import { IncomingMessage } from '../../src/messaging/consumer.ts'
import type { Message } from '../../src/protocol/message.ts'
import { encodeTask } from '../../src/protocol/task.ts'
import type { TaskCall } from '../../src/protocol/task.ts'

export interface Noted {
  readonly message: IncomingMessage
  /** What was said: `ack`, `reject`, `requeue`, `give back`. */
  readonly said: string[]
}

/** A task message that came in. */
export function incomingTask(call: Partial<TaskCall> = {}, changes: Partial<Message> = {}): Noted {
  const encoded = encodeTask({ id: 'id-1', name: 'proj.add', args: [], kwargs: {}, origin: 'gen1@test', ...call })
  return incoming({
    headers: encoded.headers,
    properties: encoded.properties,
    body: JSON.stringify(encoded.body),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    ...changes,
  })
}

/** Any message that came in. */
export function incoming(message: Message): Noted {
  const said: string[] = []
  const note = (word: string): Promise<void> => {
    said.push(word)
    return Promise.resolve()
  }
  const delivery = { deliveryTag: 1, exchange: '', routingKey: 'celery', queue: 'celery', redelivered: false, message }
  const by = {
    ack: () => note('ack'),
    reject: (_message: IncomingMessage, requeue: boolean, options?: { redelivered?: boolean }) =>
      note(!requeue ? 'reject' : options?.redelivered === false ? 'give back' : 'requeue'),
    repeated: (_message: IncomingMessage, verb: string) => note(`${verb} again`),
  }
  return { message: new IncomingMessage(delivery, by, 'unacked'), said }
}
