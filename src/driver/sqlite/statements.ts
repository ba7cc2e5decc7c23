/** Statements by their text, each prepared once for a connection. Transactions are `database.ts`. */
import type { RawConnection, RawStatement, SqlRow, SqlValue } from './library.ts'

/** Statements inside one transaction. Prepared once per text, so texts must be few: values are parameters. */
export interface SqlStatements {
  run(sql: string, ...values: SqlValue[]): { changes: number; lastInsertRowid: number }
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined
  all(sql: string, ...values: SqlValue[]): SqlRow[]
}

/** The statements of one connection. Errors are the library's own. */
export class PreparedStatements implements SqlStatements {
  readonly #connection: RawConnection
  readonly #prepared = new Map<string, RawStatement>()

  constructor(connection: RawConnection) {
    this.#connection = connection
  }

  run(sql: string, ...values: SqlValue[]): { changes: number; lastInsertRowid: number } {
    // Numbers, for nobody asks a connection of ours for big integers.
    return this.#prepare(sql).run(...values) as { changes: number; lastInsertRowid: number }
  }

  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#prepare(sql).get(...values)
  }

  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#prepare(sql).all(...values)
  }

  #prepare(sql: string): RawStatement {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}
