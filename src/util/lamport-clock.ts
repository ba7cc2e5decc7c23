/** A Lamport clock: orders what happens in many processes (`kombu/clocks.py`). Every message carries its sender's time. */
export class LamportClock {
  #time = 0

  get time(): number {
    return this.#time
  }

  /** One step on; answers the new time. */
  forward(): number {
    return (this.#time += 1)
  }

  /** Another process's time was heard of: ours is never behind it. */
  adjust(other: number): void {
    this.#time = Math.max(this.#time, other) + 1
  }
}
