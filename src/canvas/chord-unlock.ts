/**
 * Chords over backends that do not count: the task `celery.chord_unlock` looks at the results of the header now and then,
 * and sends or fails the body when all are there (`celery/app/builtins.py`). Which task that is, is the app's matter.
 */
import { ChordError } from '../errors.ts'
import type { ChordPart, ResultTuple } from '../protocol/result.ts'
import { READY_STATES } from '../protocol/states.ts'
import { failBody, insist, sendBody } from './chord-part.ts'
import type { ChordRuntime, Part } from './chord-part.ts'
import { idsOf, nestedValues, valuesOf } from './chord-values.ts'

/**
 * Look at a header once. True when its chord is over, false when it is to be looked at again. `unlocker` is the task that
 * looks, as far as the body inherits from it, with the body itself. Rejects with `BackendError` where the results cannot
 * be had.
 */
export async function unlockChord(
  runtime: ChordRuntime,
  unlocker: Part,
  header: readonly ResultTuple[],
): Promise<boolean> {
  const { host, logger } = runtime
  const ids = idsOf(header)
  const metas = await (await host.backend()).getMetas(ids)
  const parts: ChordPart[] = []
  for (const taskId of ids) {
    const meta = metas.get(taskId)
    if (meta === undefined || !READY_STATES.has(meta.status)) return false
    parts.push({ taskId, status: meta.status, result: meta.result })
  }
  try {
    // Says which part has failed.
    valuesOf(parts)
    const values = await nestedValues(header, parts, () => Promise.resolve([]))
    await insist(runtime, unlocker, () => sendBody(host, unlocker, values))
  } catch (error) {
    if (!(error instanceof ChordError)) throw error
    logger.error(`The chord ${String(unlocker.groupId)} failed: ${error.message}`, { error })
    await failBody(runtime, unlocker.chord, error)
  }
  return true
}
