/**
 * The shape that every transport carries: headers, properties and an encoded body (AMQP's basic message). What the
 * headers mean is `protocol/task.ts`; how virtual transports write all of it as JSON is `protocol/envelope.ts`.
 */

/** An encoded body: text where the content encoding is a text one, bytes otherwise. */
export type Body = string | Uint8Array

/** AMQP's basic properties under their wire names. Unknown ones are kept and passed on. */
export interface Properties {
  correlation_id?: string
  reply_to?: string
  /** 1 is transient, 2 persistent. */
  delivery_mode?: number
  /** 0 to 9. */
  priority?: number
  /** Time to live in milliseconds, as text. */
  expiration?: string
  [name: string]: unknown
}

/** Headers under their wire names. */
export type Headers = Record<string, unknown>

/** One message as it is published and delivered. */
export interface Message {
  readonly body: Body
  readonly contentType: string
  readonly contentEncoding: string
  readonly headers: Headers
  readonly properties: Properties
}
