/**
 * Plain records: objects that came over the wire or go there. Knows nothing of their fields; what a record must hold is
 * for `protocol/` to say.
 */

/** A plain object, such as a decoded JSON object: no list, no date, no instance of a class. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Set a field under a name from outside. `__proto__` becomes a field like any other, never the object's prototype. */
export function setField(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    record[name] = value
  }
}
