/** SEAM Serializer: a value to an encoded body and back. Ours are json, yaml, msgpack and pickle; users add theirs. */
import type { Body } from '../protocol/message.ts'

export interface Serializer {
  /** The name used in settings, such as `json`. */
  readonly name: string
  /** The MIME type on the wire. */
  readonly contentType: string
  /** `utf-8` for text, `binary` for bytes. */
  readonly contentEncoding: string
  /** Throws `EncodeError` for a value that has no form here. */
  encode(value: unknown): Body
  /** Throws `DecodeError` for anything that is not well-formed or goes beyond a limit. Never runs what it reads. */
  decode(body: Body): unknown
}
