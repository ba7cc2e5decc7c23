/** Which errors of a broker are worth another attempt. By code, so that transports of other packages count as well. */
import { CeleryError } from '../errors.ts'

const OPERATIONAL: ReadonlySet<string> = new Set(['OPERATIONAL_ERROR', 'CONNECTION_ERROR', 'CHANNEL_ERROR'])

/** The broker could not do it now; it may be able to later. */
export function isOperational(error: unknown): error is CeleryError {
  return CeleryError.isCeleryError(error) && OPERATIONAL.has(error.code)
}

/** The connection is gone: what was asked last may have been done, or not. */
export function isConnectionError(error: unknown): error is CeleryError {
  return CeleryError.isCeleryError(error) && error.code === 'CONNECTION_ERROR'
}

/** The broker refused what was asked on a channel: what else is asked may well be possible. */
export function isChannelError(error: unknown): error is CeleryError {
  return CeleryError.isCeleryError(error) && error.code === 'CHANNEL_ERROR'
}
