/** Messages in the hands of this process: what is remembered of each until it is acknowledged or given back. */
import type { StoredMessage } from '../virtual/store.ts'
import { decodeMessage } from './codec.ts'
import type { TakenMessage } from './lanes.ts'
import type { HeldMessage } from './leases.ts'

/** What was taken in one go. */
export interface Lease {
  readonly number: number
  /** How many of its messages are still held. */
  left: number
}

/** The handle of a message that was given out. */
export interface Handle extends HeldMessage {
  readonly taken: Lease
  held: boolean
}

/** A taken message as the channel gets it; without a lease it is gone already, and has no handle. */
export function storedMessage(taken: TakenMessage, lease: Lease | undefined): StoredMessage {
  const { id, queue, run } = taken
  const { exchange, routingKey, message } = decodeMessage(taken.meta, taken.body)
  const { redelivered } = run
  const handle: Handle | undefined =
    lease === undefined
      ? undefined
      : { id, lease: lease.number, queue: run.queue, rank: run.rank, redelivered, taken: lease, held: true }
  return { handle, queue, exchange, routingKey, redelivered, message }
}

/** The handles of those messages that are still held. */
export function heldHandles(messages: readonly StoredMessage[]): readonly Handle[] {
  const handles: Handle[] = []
  for (const message of messages) {
    const handle = message.handle as Handle | undefined
    if (handle?.held === true) handles.push(handle)
  }
  return handles
}

/** Note that messages are held no more, or, after a failure, that they are again. */
export function markHeld(handles: readonly Handle[], held: boolean): void {
  for (const handle of handles) {
    handle.held = held
    handle.taken.left += held ? 1 : -1
  }
}

/** The leases of these messages under which nothing more is held. */
export function endedLeases(handles: readonly Handle[]): Set<number> {
  return new Set(handles.filter(({ taken }) => taken.left === 0).map(({ lease }) => lease))
}

/** Their numbers in ascending order. */
export function messageNumbers(handles: readonly Handle[]): number[] {
  return handles.map(({ id }) => id).sort((a, b) => a - b)
}
