/**
 * Task ids. Celery's are random (version 4); ours are version 7 (RFC 9562): just as unique, and ordered by time, so that
 * stores append them instead of writing all over their index. Ids that must come out the same again are version 5.
 */
import { createHash, randomUUID } from 'node:crypto'

/** A new version 7 UUID for the given Unix time in milliseconds. */
export function uuid7(nowMs: number = Date.now()): string {
  // The random part comes from node's pooled version 4 generator; only the time and the version digit are replaced.
  const random = randomUUID()
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}

/** The version 5 UUID of a name: always the same (RFC 9562). `namespace` is a UUID. */
export function uuid5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex', 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
