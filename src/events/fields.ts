/**
 * How fields of events become fields of records: a table from wire names to properties. What is of the wrong kind is
 * mended or left out, as `protocol/event.ts` does with the events that it knows, for users make up others.
 */
import { setField } from '../util/record.ts'
import { repr } from '../util/repr.ts'

/** A property, and what sort of value it holds. Text that is none becomes its text. */
export interface FieldTarget {
  readonly property: string
  readonly kind: 'text' | 'number' | 'numbers'
}

/** Where known fields go, by wire name; null is a field that is not kept. */
export type FieldTable = ReadonlyMap<string, FieldTarget | null>

/** What events write to. */
export interface FieldRecord {
  /** Fields that are not in the table, under their wire names. */
  extra: Readonly<Record<string, unknown>> | undefined
}

/** A table from short rows: what is said of none is text, under its own name. */
export function fieldTable(
  rows: Readonly<Record<string, Partial<FieldTarget>>>,
  unkept: readonly string[],
): FieldTable {
  const table = new Map<string, FieldTarget | null>(unkept.map((name) => [name, null]))
  for (const [name, { property = name, kind = 'text' }] of Object.entries(rows)) table.set(name, { property, kind })
  return table
}

/** Write an event's fields to a record: all, or only these. Null is nothing. */
export function applyFields(
  record: FieldRecord,
  event: Readonly<Record<string, unknown>>,
  table: FieldTable,
  only?: ReadonlySet<string>,
): void {
  const target = record as unknown as Record<string, unknown>
  for (const name in event) {
    if (only !== undefined && !only.has(name)) continue
    const field = table.get(name)
    if (field === null) continue
    const value = event[name]
    if (field === undefined) addExtra(record, name, value)
    else if (value === null || value === undefined) target[field.property] = undefined
    else if (isOfKind(value, field.kind)) target[field.property] = value
    else if (field.kind === 'text') target[field.property] = repr(value)
  }
}

function addExtra(record: FieldRecord, name: string, value: unknown): void {
  const extra: Record<string, unknown> = record.extra ?? {}
  setField(extra, name, value)
  record.extra = extra
}

function isOfKind(value: unknown, kind: FieldTarget['kind']): boolean {
  if (kind === 'text') return typeof value === 'string'
  if (kind === 'number') return typeof value === 'number'
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}
