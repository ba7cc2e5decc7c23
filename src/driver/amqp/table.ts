/**
 * Numbers in AMQP's tables. The library writes whole numbers of two bytes with the letter `s`, which RabbitMQ reads as
 * such; py-amqp follows the letter of AMQP 0-9-1, where `s` is a short text, and a Python worker that is sent one loses
 * its connection or ends. So these are written with four bytes, which all read alike.
 */
import type { AmqpTable } from './library.ts'

/** How the library is told which type a value is written with. */
interface TypedValue {
  readonly '!': 'int'
  readonly value: number
}

/** Headers whose numbers everybody can read. The same object where there is nothing to change. */
export function readableTable(table: AmqpTable): AmqpTable {
  let readable: Record<string, unknown> | undefined
  for (const name in table) {
    const value = table[name]
    const written = readableValue(value)
    if (written !== value) (readable ??= { ...table })[name] = written
  }
  return readable ?? table
}

function readableValue(value: unknown): unknown {
  if (typeof value === 'number') return isShort(value) ? ({ '!': 'int', value } satisfies TypedValue) : value
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Array.isArray(value) ? readableList(value) : readableTable(value as AmqpTable)
}

function readableList(list: readonly unknown[]): readonly unknown[] {
  const written = list.map(readableValue)
  return written.some((value, index) => value !== list[index]) ? written : list
}

/** Two bytes are what the library takes for it: one is too few, and four are not needed. */
function isShort(value: number): boolean {
  return Number.isInteger(value) && value >= -0x8000 && value < 0x8000 && (value < -128 || value > 127)
}
