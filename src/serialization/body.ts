/** An encoded body as text or as bytes, whichever a serializer needs, and the words of an error for its message. */
import { Buffer, isUtf8 } from 'node:buffer'
import { DecodeError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'

/** The text of a body; bytes must be UTF-8. Throws `DecodeError` where they are not. */
export function textOf(body: Body): string {
  if (typeof body === 'string') return body
  const buffer = bufferOf(body)
  const text = decodeText(buffer)
  // Malformed bytes become U+FFFD, which proper text may contain too: only then is a second look needed.
  if (text.includes('\ufffd') && !isUtf8(buffer)) throw new DecodeError('The body is not valid UTF-8')
  return text
}

/** A view of the same bytes. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function decodeText(buffer: Buffer): string {
  try {
    return buffer.toString()
  } catch (error) {
    throw new DecodeError('The body is too long for a string', { cause: error })
  }
}
