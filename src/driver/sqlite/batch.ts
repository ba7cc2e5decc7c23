/** Items of one turn of the event loop that go into the file in one piece of work, as if one caller had brought them all. */
import type { SqlStatements, SqliteDatabase } from '../sqlite.ts'

interface Call<T> {
  readonly items: readonly T[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class TransactionBatch<T> {
  readonly #database: SqliteDatabase
  readonly #work: (statements: SqlStatements, items: readonly T[]) => void
  /** The calls of this turn; undefined when nothing waits. */
  #calls: Call<T>[] | undefined

  /** `work` writes the items; like all work of `SqliteDatabase.write` it may be run again. */
  constructor(database: SqliteDatabase, work: (statements: SqlStatements, items: readonly T[]) => void) {
    this.#database = database
    this.#work = work
  }

  /** Resolves when the items are stored: all, or, when it rejects, none. */
  add(items: readonly T[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = { items, resolve, reject }
      if (this.#calls === undefined) {
        this.#calls = [call]
        void this.#write(this.#calls)
      } else {
        this.#calls.push(call)
      }
    })
  }

  async #write(calls: readonly Call<T>[]): Promise<void> {
    try {
      await this.#database.write((statements) => {
        this.#closeBatch(calls)
        this.#work(statements, calls.length === 1 ? (calls[0] as Call<T>).items : calls.flatMap((call) => call.items))
      })
      for (const call of calls) call.resolve()
    } catch (error) {
      this.#closeBatch(calls)
      if (calls.length === 1) calls[0]?.reject(error)
      // One call's items must not be the undoing of another's.
      else for (const call of calls) void this.#write([call])
    }
  }

  #closeBatch(calls: readonly Call<T>[]): void {
    if (this.#calls === calls) this.#calls = undefined
  }
}
