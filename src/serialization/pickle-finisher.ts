/**
 * The last step of reading a pickle: puts plain values in the place of the nodes that dicts and instances were while
 * they could still change. What the nodes are is `pickle-globals.ts`.
 */
import { DecodeError } from '../errors.ts'
import { setField } from '../util/record.ts'
import { DictNode, isInstance, PickleGlobal, refuse } from './pickle-globals.ts'
import type { InstanceNode } from './pickle-globals.ts'
import { MAX_DEPTH } from './plain.ts'
import { isPythonValue } from './values.ts'

/**
 * The plain value of what a pickle made. Lists and sets are changed in place; what is shared or contains itself stays
 * so. Throws `DecodeError` beyond 1000 levels, and for a class or function that is left as a value.
 */
export function finish(value: unknown): unknown {
  return new Finisher().finish(value, 1)
}

/** A value whose parts are in place, and how many levels it has. */
interface Finished {
  readonly value: unknown
  height: number
}

/** Puts plain values in the place of nodes. Each container is visited once, so shared and circular values stay so. */
class Finisher {
  readonly #done = new Map<object, Finished>()

  finish(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isPythonValue(value)) return value
    const known = this.#done.get(value)
    if (depth + (known?.height ?? 0) > MAX_DEPTH) {
      throw new DecodeError(`The pickle is nested deeper than ${String(MAX_DEPTH)} levels`)
    }
    if (known !== undefined) return known.value
    if (value instanceof PickleGlobal) refuse(`the class or function ${value.path} as a value`)
    if (isInstance(value)) return this.#instance(value, depth)
    if (value instanceof DictNode) return this.#dict(value, depth)
    return value instanceof Set ? this.#set(value, depth) : this.#list(value as unknown[], depth)
  }

  #start(node: object, value: object): Finished {
    const finished = { value, height: 0 }
    this.#done.set(node, finished)
    return finished
  }

  /** A part of `whole`, which is `depth` levels deep. */
  #part(whole: Finished, part: unknown, depth: number): unknown {
    const value = this.finish(part, depth + 1)
    const height = typeof part === 'object' && part !== null ? (this.#done.get(part)?.height ?? -1) : -1
    whole.height = Math.max(whole.height, height + 1)
    return value
  }

  #instance(node: InstanceNode, depth: number): unknown {
    const inner = node.finish()
    const value = this.finish(inner, depth)
    const height = inner instanceof DictNode ? (this.#done.get(inner)?.height ?? 0) : 0
    this.#done.set(node, { value, height })
    return value
  }

  #list(list: unknown[], depth: number): unknown[] {
    const finished = this.#start(list, list)
    for (let index = 0; index < list.length; index += 1) list[index] = this.#part(finished, list[index], depth)
    return list
  }

  #set(set: Set<unknown>, depth: number): Set<unknown> {
    const finished = this.#start(set, set)
    const items = [...set]
    set.clear()
    for (const item of items) set.add(this.#part(finished, item, depth))
    return set
  }

  #dict(node: DictNode, depth: number): object {
    const { entries } = node
    const record: Record<string, unknown> = {}
    for (const key of entries.keys()) if (typeof key !== 'string') return this.#map(node, depth)
    const finished = this.#start(node, record)
    for (const [key, value] of entries) setField(record, key as string, this.#part(finished, value, depth))
    return record
  }

  #map(node: DictNode, depth: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>()
    const finished = this.#start(node, map)
    for (const [key, value] of node.entries) {
      map.set(this.#part(finished, key, depth), this.#part(finished, value, depth))
    }
    return map
  }
}
