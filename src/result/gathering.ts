/**
 * Gathering: what has come of the values of several results, and what is missing. A nested group is there when all its
 * tasks are, and its value is the list of theirs. Knows nothing of waiting.
 */
import type { Result } from './result.ts'
import { leavesOf } from './tree.ts'

/** A result whose value is known now. */
export interface Arrival {
  /** Its place among those that are gathered. */
  readonly index: number
  readonly result: Result
  /** What its task returned, or the error; a list for a group. */
  readonly value: unknown
}

interface Slot {
  readonly index: number
  readonly result: Result
  /** How many of its tasks are missing. */
  missing: number
}

/** The state of one gathering. */
export class Gathering {
  /** Who waits for each task: several where a result is there twice. */
  readonly #slots = new Map<string, Slot[]>()
  /** Values of the members of groups that are not complete. */
  readonly #parts = new Map<string, unknown>()
  /** Results of which there is nothing to wait for: those of empty groups. */
  readonly #empty: Slot[] = []

  constructor(results: readonly Result[]) {
    for (const [index, result] of results.entries()) {
      const slot: Slot = { index, result, missing: 0 }
      for (const { id } of leavesOf([result])) this.#await(id, slot)
      if (slot.missing === 0) this.#empty.push(slot)
    }
  }

  /** What is complete from the start. */
  takeEmpty(): Arrival[] {
    return this.#empty.map(({ index, result }) => ({ index, result, value: this.#valueOf(result) }))
  }

  /** The ids of the tasks that are missing. */
  get missing(): string[] {
    return [...this.#slots.keys()]
  }

  /** How many tasks are missing. */
  get missingCount(): number {
    return this.#slots.size
  }

  /** The value of a task has come. Answers what is complete by that; nothing for a task that is not missing. */
  take(taskId: string, value: unknown): Arrival[] {
    const slots = this.#slots.get(taskId)
    if (slots === undefined) return []
    this.#slots.delete(taskId)
    if (slots.some(({ result }) => result.results !== undefined)) this.#parts.set(taskId, value)
    const arrivals: Arrival[] = []
    for (const slot of slots) {
      slot.missing -= 1
      if (slot.missing > 0) continue
      const { index, result } = slot
      arrivals.push({ index, result, value: result.results === undefined ? value : this.#valueOf(result) })
    }
    return arrivals
  }

  #await(taskId: string, slot: Slot): void {
    const slots = this.#slots.get(taskId)
    // A task that is twice in one nested group is counted twice, and comes twice.
    if (slots === undefined) this.#slots.set(taskId, [slot])
    else slots.push(slot)
    slot.missing += 1
  }

  #valueOf(result: Result): unknown {
    return result.results === undefined ? this.#parts.get(result.id) : result.results.map((one) => this.#valueOf(one))
  }
}
