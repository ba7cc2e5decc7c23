/**
 * The JSON envelope in which virtual transports keep a message: body, headers, properties and where it was sent to
 * (kombu's `virtual.Channel.prepare_message`). Lossless both ways; what the headers mean is `task.ts`.
 */
import { isUtf8 } from 'node:buffer'
import { DecodeError, EncodeError } from '../errors.ts'
import { parsePythonJson } from '../serialization/json-parser.ts'
import { isRecord, setField } from '../util/record.ts'
import type { Body, Message, Properties } from './message.ts'
import { COMPRESSION_HEADER, REDELIVERED_HEADER } from './names.ts'

/** Where a message is sent, and the name under which it will be acknowledged. */
export interface EnvelopeDelivery {
  readonly exchange: string
  readonly routingKey: string
  /** Unique for this publication: a UUID. */
  readonly deliveryTag: string
  /** How the body is written. Default `base64`; `utf-8` leaves text as it is (bytes are base64 all the same). */
  readonly bodyEncoding?: 'base64' | 'utf-8'
}

/** What an envelope holds. */
export interface Envelope {
  readonly message: Message
  readonly deliveryTag: string
  readonly exchange: string
  readonly routingKey: string
  /** It was delivered before and not acknowledged. */
  readonly redelivered: boolean
}

/** The parts of the properties that belong to the envelope, not to the message. */
const ENVELOPE_FIELDS: ReadonlySet<string> = new Set(['delivery_info', 'delivery_tag', 'body_encoding'])

/** Content encodings whose bytes are UTF-8. */
const TEXT_ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** Write the envelope. Throws `EncodeError` where headers or properties have no form in JSON. */
export function encodeEnvelope(message: Message, delivery: EnvelopeDelivery): string {
  const { body, contentType, contentEncoding, headers, properties } = message
  const raw = delivery.bodyEncoding === 'utf-8' && typeof body === 'string'
  // Not a spread: with fields behind it that costs three times as much as all the rest.
  const envelopeProperties: Properties = Object.assign({}, properties)
  envelopeProperties['delivery_info'] = { exchange: delivery.exchange, routing_key: delivery.routingKey }
  // kombu expects a priority in each message; 0 is its default.
  envelopeProperties.priority ??= 0
  envelopeProperties['body_encoding'] = raw ? 'utf-8' : 'base64'
  envelopeProperties['delivery_tag'] = delivery.deliveryTag
  try {
    const rest = JSON.stringify({
      'content-encoding': contentEncoding,
      'content-type': contentType,
      headers,
      properties: envelopeProperties,
    })
    // The body is put in front of the rest, for Base64 needs no look at each of its characters.
    const text = raw ? JSON.stringify(body) : `"${toBase64(body)}"`
    return `{"body":${text},${rest.slice(1)}`
  } catch (cause) {
    // A BigInt, a cycle, or deeper nesting than the stack has room for.
    throw new EncodeError(`The headers or properties of a message have no form in JSON: ${String(cause)}`, { cause })
  }
}

/**
 * Read an envelope. The body is text where its content encoding is one and nothing is compressed, else bytes; it is not
 * deserialized. Throws `DecodeError` where the text is no envelope.
 */
export function decodeEnvelope(text: string): Envelope {
  const { body, headers, properties, contentType, contentEncoding } = readFields(text)
  const info = isRecord(properties['delivery_info']) ? properties['delivery_info'] : {}
  return {
    message: {
      body: fromWire(body, properties['body_encoding'], contentEncoding, headers),
      contentType,
      contentEncoding,
      headers,
      properties: messageProperties(properties),
    },
    deliveryTag: textOr(properties['delivery_tag'], ''),
    exchange: textOr(info['exchange'], ''),
    routingKey: textOr(info['routing_key'], ''),
    redelivered: info['redelivered'] === true || headers[REDELIVERED_HEADER] === true,
  }
}

interface EnvelopeFields {
  readonly body: string
  readonly headers: Record<string, unknown>
  readonly properties: Record<string, unknown>
  readonly contentType: string
  readonly contentEncoding: string
}

function readFields(text: string): EnvelopeFields {
  const envelope = parse(text)
  const { body, properties } = envelope
  const headers = envelope['headers'] ?? {}
  if (typeof body !== 'string') throw new DecodeError('A message envelope has no "body" text')
  if (!isRecord(properties)) throw new DecodeError('A message envelope has no "properties" object')
  if (!isRecord(headers)) throw new DecodeError('The "headers" of a message envelope are no object')
  const contentType = textOr(envelope['content-type'], '')
  return { body, headers, properties, contentType, contentEncoding: textOr(envelope['content-encoding'], 'utf-8') }
}

function parse(text: string): Record<string, unknown> {
  const value = parseJson(text)
  if (!isRecord(value)) throw new DecodeError('A message envelope is no JSON object')
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return parseNonstandardJson(text)
  }
}

/** Python writes NaN and the infinities as they are, where a header or a stamp has one. */
function parseNonstandardJson(text: string): unknown {
  try {
    return parsePythonJson(text)
  } catch (cause) {
    throw new DecodeError(`A message envelope is not JSON: ${String(cause)}`, { cause })
  }
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback
}

/** AMQP's properties alone. */
function messageProperties(properties: Record<string, unknown>): Properties {
  const own: Properties = {}
  for (const name in properties) {
    if (!ENVELOPE_FIELDS.has(name)) setField(own, name, properties[name])
  }
  return own
}

function toBase64(body: Body): string {
  if (typeof body === 'string') return Buffer.from(body, 'utf8').toString('base64')
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
}

function fromWire(body: string, bodyEncoding: unknown, contentEncoding: string, headers: object): Body {
  if (bodyEncoding !== 'base64') return body
  const bytes = Buffer.from(body, 'base64')
  // Bytes that are no UTF-8 stay what they are: nothing may be lost before the body is decoded.
  const isText = TEXT_ENCODINGS.has(contentEncoding.toLowerCase()) && !(COMPRESSION_HEADER in headers)
  return isText && isUtf8(bytes) ? bytes.toString('utf8') : bytes
}
