/** Messages as the lists of Redis have them, and what is remembered of one until it is acknowledged or given back. */
import { randomUUID } from 'node:crypto'
import { decodeEnvelope, encodeEnvelope } from '../../protocol/envelope.ts'
import type { Envelope, EnvelopeDelivery } from '../../protocol/envelope.ts'
import type { QueueEntry, StoredMessage } from '../virtual/store.ts'

/** The handle of a message that was taken from a list: its tag among what is unacknowledged. */
export interface Held {
  readonly tag: string
  readonly queue: string
  /** Unix time in milliseconds at which it was taken, or its note renewed. */
  notedMs: number
}

/** Write a message. Throws `EncodeError` where headers or properties have no form in JSON. */
export function encodeEntry(entry: QueueEntry, bodyEncoding: EnvelopeDelivery['bodyEncoding']): string {
  const { message, exchange, routingKey } = entry
  const delivery = { exchange, routingKey, deliveryTag: randomUUID() }
  return encodeEnvelope(message, bodyEncoding === undefined ? delivery : { ...delivery, bodyEncoding })
}

/** A message as the channel gets it. `handle` is whatever the store knows it by. */
export function storedMessage(text: string, queue: string, handle: unknown): StoredMessage {
  const { message, exchange, routingKey, redelivered } = readEnvelope(text, queue)
  return { handle, queue, exchange, routingKey, redelivered, message }
}

/** What is no envelope becomes a message without headers, which is refused like any other that nobody understands. */
function readEnvelope(text: string, queue: string): Omit<Envelope, 'deliveryTag'> {
  try {
    return decodeEnvelope(text)
  } catch {
    const message = { body: text, contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} }
    return { message, exchange: '', routingKey: queue, redelivered: false }
  }
}
