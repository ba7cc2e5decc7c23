/**
 * Messages to and from AMQP's basic properties and bytes. The body is text where its content encoding says so and it is
 * not compressed, as in the envelope of other transports.
 */
import { isUtf8 } from 'node:buffer'
import { readableTable } from '../../driver/amqp.ts'
import type { AmqpDelivery, AmqpProperties } from '../../driver/amqp.ts'
import type { Body, Headers, Message } from '../../protocol/message.ts'
import { COMPRESSION_HEADER } from '../../protocol/names.ts'

/** Names on both sides. What is not here has no place in AMQP, and is left out. */
const PROPERTIES = [
  ['correlation_id', 'correlationId'],
  ['reply_to', 'replyTo'],
  ['delivery_mode', 'deliveryMode'],
  ['priority', 'priority'],
  ['expiration', 'expiration'],
  ['message_id', 'messageId'],
  ['timestamp', 'timestamp'],
  ['type', 'type'],
  ['user_id', 'userId'],
  ['app_id', 'appId'],
] as const satisfies readonly (readonly [string, keyof AmqpProperties])[]

/** Content encodings whose bytes are UTF-8. */
const TEXT_ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** The properties of a message that is to be published. */
export function toProperties({ contentType, contentEncoding, headers, properties }: Message): AmqpProperties {
  const amqp: Record<string, unknown> = { contentType, contentEncoding, headers: readableTable(headers) }
  for (const [name, amqpName] of PROPERTIES) {
    const value = properties[name]
    if (value !== undefined && value !== null) amqp[amqpName] = value
  }
  return amqp
}

/** The bytes of a message that is to be published. */
export function toContent(body: Body): Buffer {
  if (typeof body === 'string') return Buffer.from(body, 'utf8')
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

/** A message that came. */
export function fromDelivery({ properties: amqp, content }: AmqpDelivery): Message {
  const contentEncoding = amqp.contentEncoding ?? 'utf-8'
  const headers: Headers = amqp.headers ?? {}
  const properties: Record<string, string | number> = {}
  for (const [name, amqpName] of PROPERTIES) {
    const value = amqp[amqpName]
    if (value !== undefined) properties[name] = value
  }
  return {
    body: fromContent(content, contentEncoding, headers),
    contentType: amqp.contentType ?? '',
    contentEncoding,
    headers,
    properties,
  }
}

function fromContent(content: Buffer, contentEncoding: string, headers: Headers): Body {
  // Bytes that are no UTF-8 stay what they are: nothing may be lost before the body is decoded.
  const isText = TEXT_ENCODINGS.has(contentEncoding.toLowerCase()) && !(COMPRESSION_HEADER in headers)
  return isText && isUtf8(content) ? content.toString('utf8') : content
}
