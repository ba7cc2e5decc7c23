/** Calls of one task that are made inside another one: `map` and `starmap` one after the other, `chunks` some at a time. */
import { CHUNKS_TASK, MAP_TASK, STARMAP_TASK } from '../protocol/names.ts'
import { signatureData } from '../protocol/signature.ts'
import type { GroupResult } from '../result/group-result.ts'
import { groupOf } from './group.ts'
import type { Group } from './group.ts'
import type { Given } from './merging.ts'
import type { PublishOptions } from './options.ts'
import { Signature } from './signature.ts'
import type { AnySignature } from './signature.ts'

/** One message that calls `task` with each item in turn: answers a list. */
export function xmap<Item, R>(task: Signature<[Item], R, never>, items: Iterable<Item>): Signature<[], R[], unknown> {
  return calling(MAP_TASK, task, { it: [...items] }) as Signature<[], R[], unknown>
}

/** One message that calls `task` with the arguments of each item in turn: answers a list. */
export function starmap<A extends unknown[], R>(
  task: Signature<A, R, never>,
  items: Iterable<A>,
): Signature<[], R[], unknown> {
  return calling(STARMAP_TASK, task, { it: [...items] }) as Signature<[], R[], unknown>
}

/** Call `task` with the arguments of each item, `n` calls a message: answers a list of lists. */
export function chunks<A extends unknown[], R>(task: Signature<A, R, never>, items: Iterable<A>, n: number): Chunks<R> {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`chunks: a chunk has one item at least, not ${String(n)}`)
  const { data, host } = calling(CHUNKS_TASK, task, { it: [...items], n })
  return new Chunks<R>(data, host)
}

/** A list of calls in parts. */
export class Chunks<R = unknown> extends Signature<[], R[][], unknown, GroupResult<R[][]>> {
  /** The group that it is sent as: a `starmap` for each part. */
  group(): Group<[], R[][], unknown> {
    const { task, it, n } = this.data.kwargs as { task: AnySignature; it: unknown[][]; n: number }
    const parts: AnySignature[] = []
    for (let start = 0; start < it.length; start += n) {
      parts.push(calling(STARMAP_TASK, task, { it: it.slice(start, start + n) }))
    }
    return groupOf(parts) as unknown as Group<[], R[][], unknown>
  }

  /** Sent by itself it is that group; inside of a work-flow one task (`celery.chunks`), which sends the group. */
  override applyAsync(args?: [], options?: PublishOptions): Promise<GroupResult<R[][]>> {
    return this.group().applyAsync(args, options)
  }

  override runHere(given: Given): Promise<GroupResult<R[][]>> {
    return this.group().runHere(given)
  }
}

function calling(name: string, task: AnySignature, kwargs: Record<string, unknown>): AnySignature {
  const data = signatureData({ task: name, kwargs: { task: task.clone(), ...kwargs }, immutable: true })
  return new Signature(data, task.host)
}
