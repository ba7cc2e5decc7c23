/**
 * Results as messages (`celery/backends/rpc.py`): a task's document goes to the queue that its caller named. Also the
 * mark that a caller sends to itself, to learn that it has read all that came before.
 */
import type { Message, Properties } from './message.ts'

/** Where the document of a task goes: two properties of the task's message. */
export type ResultAddress = Pick<Properties, 'reply_to' | 'correlation_id'>

/** Nobody else reads a reply queue, so this type is known to ourselves only. */
const MARK_TYPE = 'application/x-celeriac-mark'
const TRANSIENT = 1
const PERSISTENT = 2

/** A document as a message. Celery finds the task by its `correlation_id`. */
export function encodeReply(
  document: Pick<Message, 'body' | 'contentType' | 'contentEncoding'>,
  correlationId: string,
  persistent: boolean,
): Message {
  const { body, contentType, contentEncoding } = document
  return { body, contentType, contentEncoding, headers: {}, properties: propertiesOf(correlationId, persistent) }
}

/** A mark. */
export function encodeMark(id: string): Message {
  const properties = propertiesOf(id, false)
  return { body: '', contentType: MARK_TYPE, contentEncoding: 'utf-8', headers: {}, properties }
}

/** Which mark this message is; undefined where it is none. */
export function readMark({ contentType, properties }: Message): string | undefined {
  return contentType === MARK_TYPE ? properties.correlation_id : undefined
}

function propertiesOf(correlationId: string, persistent: boolean): Properties {
  return { correlation_id: correlationId, delivery_mode: persistent ? PERSISTENT : TRANSIENT, priority: 0 }
}
