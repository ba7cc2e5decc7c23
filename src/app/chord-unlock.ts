/** The task `celery.chord_unlock`, which every worker has: for chords over backends that do not count, also Python's. */
import { storeResult } from '../backend/storing.ts'
import { unlockChord } from '../canvas/chord-unlock.ts'
import type { Host } from '../canvas/host.ts'
import { InvalidTaskError } from '../errors.ts'
import { CHORD_UNLOCK_TASK } from '../protocol/names.ts'
import { decodeResultTuple } from '../protocol/result.ts'
import { readSignature } from '../protocol/signature.ts'
import type { TaskContext } from '../task/context.ts'
import type { TaskOptions } from '../task/options.ts'
import type { TaskFunction } from '../task/task.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'

/** What it needs of its app. */
export interface UnlockHost extends Host {
  readonly clock: Clock
  readonly logger: Logger
}

/** A task that is not declared yet. */
export interface BuiltinTask {
  readonly name: string
  readonly options: TaskOptions
  readonly fn: TaskFunction
}

/** The task for this app. It looks again for ever, every `interval` seconds (default `resultChordRetryInterval`). */
export function chordUnlockTask(host: UnlockHost): BuiltinTask {
  const unlock = async (
    self: TaskContext,
    groupId: string,
    callback: unknown,
    interval: number | null = null,
    maxRetries: number | null = null,
    result: unknown = null,
  ): Promise<void> => {
    if (!Array.isArray(result))
      throw new InvalidTaskError(`The chord ${groupId} does not say whose results it waits for`)
    const countdown = interval ?? host.chordPolicy().retryInterval
    const { id, rootId } = self.request
    const chord = readSignature(callback)
    const unlocker = { id, rootId, groupId, groupIndex: undefined, chord, priority: undefined }
    const backend = await host.backend()
    const storing: Promise<void>[] = []
    const runtime = {
      host,
      clock: host.clock,
      logger: self.log,
      signal: self.signal,
      store: (meta: Parameters<typeof backend.encodeResult>[0]): void => {
        storing.push(storeResult(backend, backend.encodeResult(meta)))
      },
    }
    const header = result.map(decodeResultTuple)
    let isOver: boolean
    try {
      isOver = await unlockChord(runtime, unlocker, header)
      await Promise.all(storing)
    } catch (exc) {
      throw self.retry({ exc, countdown, maxRetries })
    }
    if (!isOver) throw self.retry({ countdown, maxRetries })
  }
  return {
    name: CHORD_UNLOCK_TASK,
    options: {
      bind: true,
      ignoreResult: true,
      maxRetries: null,
      params: ['group_id', 'callback', 'interval?', 'max_retries?', 'result?'],
    },
    fn: unlock,
  }
}
