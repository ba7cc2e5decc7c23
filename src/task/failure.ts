/** What a failure is made of: the facts of its error, and what an abort really meant. */
import { encodeException, exceptionRepr, tracebackText } from '../protocol/exception.ts'
import type { Failure } from './outcome.ts'

/** The facts of an error that logs, events and documents need. Never throws. */
export function failureOf(error: Error): Failure {
  const document = encodeException(error)
  const message = document.exc_message
  return {
    excType: document.exc_type,
    excMessage: Array.isArray(message) ? (message as unknown[]) : [message],
    excModule: document.exc_module,
    repr: exceptionRepr(document),
    traceback: tracebackText(error),
  }
}

/** An abort is told by its reason: what a limit or a revoke said, not the AbortError of whatever listened to it. */
export function reasonOf(thrown: unknown, signal: AbortSignal): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'AbortError' || !signal.aborted) return thrown
  return signal.reason instanceof Error ? signal.reason : thrown
}
