/** Messages to and from what a row holds: one JSON text for all but the body, and the body as it is. */
import { EncodeError } from '../../errors.ts'
import type { Body, Headers, Message, Properties } from '../../protocol/message.ts'
import type { SqlValue } from '../../driver/sqlite.ts'

/** A list rather than an object: shorter, and quicker to read. The last is there only when it is true. */
type Meta = [
  contentType: string,
  contentEncoding: string,
  exchange: string,
  routingKey: string,
  headers: Headers,
  properties: Properties,
  escaped?: true,
]

/** What a row holds of a message. */
export interface EncodedMessage {
  readonly meta: string
  readonly body: Body
}

/** A message and how it was sent. */
export interface DecodedMessage {
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
}

/** Throws `EncodeError` for headers and properties that have no JSON form. */
export function encodeMessage(message: Message, exchange: string, routingKey: string): EncodedMessage {
  const { contentType, contentEncoding, headers, properties } = message
  const meta: Meta = [contentType, contentEncoding, exchange, routingKey, headers, properties]
  const { body, escaped } = escapeBody(message.body)
  if (escaped) meta.push(true)
  try {
    return { meta: JSON.stringify(meta), body }
  } catch (cause) {
    throw new EncodeError(`The headers or properties of a message for "${routingKey}" have no JSON form`, { cause })
  }
}

/** A row that was spoilt becomes a message without headers, which is refused like any other that nobody understands. */
export function decodeMessage(meta: string, body: SqlValue): DecodedMessage {
  const [contentType, contentEncoding, exchange, routingKey, headers, properties, escaped] = readMeta(meta)
  return {
    exchange,
    routingKey,
    message: { body: unescapeBody(body, escaped === true), contentType, contentEncoding, headers, properties },
  }
}

function readMeta(meta: string): Meta {
  try {
    return JSON.parse(meta) as Meta
  } catch {
    return ['application/octet-stream', 'binary', '', '', {}, {}]
  }
}

/**
 * A body that comes back from SQLite as it went in. Text with a zero or half of a surrogate pair would not: that is
 * written as JSON text.
 */
export function escapeBody(body: Body): { readonly body: Body; readonly escaped: boolean } {
  if (typeof body !== 'string' || (!body.includes('\0') && isWellFormed(body))) return { body, escaped: false }
  return { body: JSON.stringify(body), escaped: true }
}

/** The body of a column. */
export function unescapeBody(column: SqlValue | undefined, escaped: boolean): Body {
  const body = column as Body
  return escaped ? (JSON.parse(body as string) as string) : body
}

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
