/** A binary heap: the smallest item first, for due times. Equal items come out in no particular order. */

export class Heap<T> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** `before(a, b)`: must `a` come out earlier than `b`? */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  /** The first item, which stays. */
  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let index = items.length
    items.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent] as T
      if (!this.#before(item, above)) break
      items[index] = above
      index = parent
    }
    items[index] = item
  }

  /** Take the first item. */
  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length > 0) this.#sink(last as T)
    return first
  }

  /** Let `item` fall from the top to its place. */
  #sink(item: T): void {
    const items = this.#items
    const size = items.length
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= size) break
      if (child + 1 < size && this.#before(items[child + 1] as T, items[child] as T)) child += 1
      const below = items[child] as T
      if (!this.#before(below, item)) break
      items[index] = below
      index = child
    }
    items[index] = item
  }
}
