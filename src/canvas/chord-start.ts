/**
 * What is done before the last part of a chord's header is published: the store is told how many there will be, or, where
 * it does not count, a task is sent that asks for their results (`apply_chord` and `set_chord_size` of Celery's backends).
 */
import { ImproperlyConfigured } from '../errors.ts'
import { CHORD_UNLOCK_TASK } from '../protocol/names.ts'
import { groupTuple } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import type { Host } from './host.ts'
import { fromWireOptions } from './options.ts'

/** The header of a chord that is about to be sent. */
export interface ChordHeader {
  readonly groupId: string
  /** How many parts will come back (Celery's rule: of a group all, of a chain the last that counts, of a chord its body). */
  readonly size: number
  /** A result for each member: a task's, or a group's with those of its members. */
  readonly results: readonly ResultTuple[]
}

/** How a header is looked at where the backend does not count. Durations are seconds. */
export interface UnlockOptions {
  /** Between two looks. Default: `resultChordRetryInterval`. */
  readonly interval?: number
  /** Before the first look. Default 1. */
  readonly countdown?: number
  /** How often to look; by default for ever. */
  readonly maxRetries?: number
}

/**
 * Make the backend ready for a chord whose body is `body`, with its id. Rejects with `ImproperlyConfigured` where the
 * backend can have no chords, else as `ChordStore` and `Host.call` do.
 */
export async function startChord(
  host: Host,
  header: ChordHeader,
  body: SignatureData,
  options: UnlockOptions = {},
): Promise<void> {
  const backend = await host.backend()
  const { groupId, size, results } = header
  if (backend.chordsRefused !== undefined) {
    throw new ImproperlyConfigured(
      `A chord, and a group with a task after it, needs a result backend that keeps results: ${backend.chordsRefused}`,
    )
  }
  if (backend.chords === undefined) {
    await sendUnlock(host, header, body, options)
    return
  }
  // A group among the members must be a list among the values, which the parts alone do not tell.
  if (results.some(([, children]) => children !== null)) {
    await backend.saveGroup(groupId, { result: groupTuple(groupId, [...results]) })
  }
  await backend.chords.setChordSize(groupId, size)
}

/** To where the body goes: whoever consumes that queue can reach the results. */
async function sendUnlock(
  host: Host,
  { groupId, results }: ChordHeader,
  body: SignatureData,
  { interval, countdown = 1, maxRetries }: UnlockOptions,
): Promise<void> {
  const { queue, priority = 0 } = fromWireOptions(body.options)
  await host.call(CHORD_UNLOCK_TASK, [groupId, body], {
    kwargs: { result: results, interval: interval ?? null, max_retries: maxRetries ?? null },
    countdown,
    priority,
    ...(queue === undefined ? { routeName: body.task } : { queue }),
  })
}
