/** What was thrown, as an error: JavaScript may throw anything, and whoever catches it wants a message and a stack. */
import { repr } from './repr.ts'

/** The error itself, or a new one that says what was thrown instead. Never throws. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error(typeof thrown === 'string' ? thrown : repr(thrown), { cause: thrown })
}
