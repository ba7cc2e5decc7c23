/** What a failed command says, and what it ends with. */
import { fileURLToPath } from 'node:url'
import { AlreadyRunning, CeleryError, OperationalError } from '../errors.ts'
import { EXIT_CANTCREAT, EXIT_FAILURE, EXIT_UNAVAILABLE } from './command.ts'

/** This package's own modules. */
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url))

/** The exit code: 69 where the broker does not answer, 73 where a pidfile is taken, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof AlreadyRunning) return EXIT_CANTCREAT
  return error instanceof OperationalError ? EXIT_UNAVAILABLE : EXIT_FAILURE
}

/**
 * The text for a person. Our own errors say what to do, so their message is enough; with an error of the user's module
 * come the lines of the user's files. Anything else is a mistake in this program, and is shown whole.
 */
export function describeError(error: unknown): string {
  if (!CeleryError.isCeleryError(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
  const frames = error.cause instanceof Error ? ownFrames(error.cause) : []
  return [error.message, ...frames].join('\n')
}

function ownFrames(error: Error): string[] {
  const lines = error.stack?.split('\n') ?? []
  return lines.filter((line) => /^\s+at /.test(line) && !isForeign(line))
}

/** Not the user's: Node's own, and those of what loads their files. */
function isForeign(frame: string): boolean {
  return /\bnode:|\/node_modules\/jiti\//.test(frame) || frame.includes(OWN_FOLDER)
}
