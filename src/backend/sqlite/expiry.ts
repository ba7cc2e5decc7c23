/** Removes results that have expired, a few at a time: nobody waits long, and where nothing has expired nothing is written. */
import type { SqliteDatabase } from '../../driver/sqlite.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { deleteExpiredChords, hasExpiredChords } from './chords.ts'
import { deleteExpired, deleteExpiredGroups, findExpired, hasExpiredGroups } from './results.ts'
import type { ExpiryPortion } from './results.ts'

const INTERVAL_MS = 60_000
/** Documents that are looked at in one go. */
const AT_ONCE = 1000

export class Expiry {
  readonly #database: SqliteDatabase
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  #timer: Timer | undefined
  #stopped = false
  /** How far the slow round through all documents has come. */
  #roundSeq = 0

  constructor(database: SqliteDatabase, clock: Clock, onError: (error: unknown) => void) {
    this.#database = database
    this.#clock = clock
    this.#onError = onError
  }

  /** Look once a minute from now on. Does not keep the process alive. */
  start(): void {
    if (this.#stopped) return
    this.#timer = this.#clock.after(INTERVAL_MS, () => void this.#turn(), { unref: true })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Remove all that has expired. Answers how many. */
  async removeAll(): Promise<number> {
    await this.#removeChords()
    let removed = await this.#removeGroups()
    for (let seq: number | undefined = 0; seq !== undefined;) {
      const portion = this.#look(seq)
      removed += await this.#remove(portion)
      seq = portion.lastSeq
    }
    return removed
  }

  async #turn(): Promise<void> {
    try {
      await this.#removeChords()
      await this.#removeGroups()
      await this.#removeOldest()
      await this.#goRound()
    } catch (error) {
      if (!this.#stopped) this.#onError(error)
    }
    this.start()
  }

  /** Documents with the same time to live expire in the order in which they were written. */
  async #removeOldest(): Promise<void> {
    for (let portion = this.#look(0); portion.expired > 0; portion = this.#look(0)) await this.#remove(portion)
  }

  /** Others may lie behind documents that live longer: those are found in time. */
  async #goRound(): Promise<void> {
    const portion = this.#look(this.#roundSeq)
    this.#roundSeq = portion.lastSeq ?? 0
    await this.#remove(portion)
  }

  #look(afterSeq: number): ExpiryPortion {
    return this.#database.read((statements) => findExpired(statements, afterSeq, AT_ONCE, this.#clock.now()))
  }

  async #remove(portion: ExpiryPortion): Promise<number> {
    if (portion.expired === 0) return 0
    return this.#database.write((statements) => deleteExpired(statements, portion, this.#clock.now()))
  }

  async #removeChords(): Promise<void> {
    if (!this.#database.read((statements) => hasExpiredChords(statements, this.#clock.now()))) return
    await this.#database.write((statements) => {
      deleteExpiredChords(statements, this.#clock.now())
    })
  }

  async #removeGroups(): Promise<number> {
    if (!this.#database.read((statements) => hasExpiredGroups(statements, this.#clock.now()))) return 0
    return this.#database.write((statements) => deleteExpiredGroups(statements, this.#clock.now()))
  }
}
