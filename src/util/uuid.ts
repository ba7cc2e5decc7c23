/**
 * Task ids. Celery's are random (version 4); ours are version 7 (RFC 9562): just as unique, and ordered by time, so that
 * stores append them instead of writing all over their index.
 */
import { randomUUID } from 'node:crypto'

/** A new version 7 UUID for the given Unix time in milliseconds. */
export function uuid7(nowMs: number = Date.now()): string {
  // The random part comes from node's pooled version 4 generator; only the time and the version digit are replaced.
  const random = randomUUID()
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
