/** How far the work is: a bar that moves on a terminal, a line for each tenth elsewhere. */
const WIDTH = 40
const REDRAW_MS = 50

export class ProgressBar {
  readonly #total: number
  #done = 0
  #drawnMs = 0

  constructor(total: number) {
    this.#total = total
  }

  /** One more is done. */
  step(): void {
    this.#done += 1
    if (process.stdout.isTTY) this.#draw()
    else if (this.#tenth(this.#done) > this.#tenth(this.#done - 1)) console.log(this.#text())
  }

  #draw(): void {
    const finished = this.#done === this.#total
    if (!finished && performance.now() - this.#drawnMs < REDRAW_MS) return
    this.#drawnMs = performance.now()
    const filled = Math.floor((this.#done / this.#total) * WIDTH)
    process.stdout.write(`\r${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${this.#text()}${finished ? '\n' : ''}`)
  }

  #tenth(done: number): number {
    return Math.floor((done * 10) / this.#total)
  }

  #text(): string {
    const percent = Math.floor((this.#done / this.#total) * 100)
    return `${String(percent).padStart(3)} %  ${this.#done.toLocaleString('en')} of ${this.#total.toLocaleString('en')}`
  }
}
