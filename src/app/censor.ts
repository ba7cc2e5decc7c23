/**
 * Hides what nobody should read in a log, a report or a reply of `inspect conf`: values of secret settings, and
 * passwords inside URLs. Rather too much than too little, as Celery does.
 */
import { inspect } from 'node:util'
import { isSchedule } from '../schedule/input.ts'
import { maskPassword } from '../util/url.ts'

const SECRET = /api|token|key|secret|pass|profanities_list|signature|database|beat_?dburi/i
const MASK = '********'
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s'"`]+/gi
/** Deeper values are cut off: nothing that is configured is meant to be so deep, but it may hold a circle. */
const DEEPEST = 8

/** Is a setting of this name, in any spelling, secret? */
export function isSecret(key: string): boolean {
  return SECRET.test(key)
}

/** A text with the passwords of all URLs in it masked. */
export function maskUrls(text: string): string {
  return text.replaceAll(URL_IN_TEXT, (url) => maskPassword(url))
}

/**
 * A value as plain data that JSON can carry: functions, classes and the like become their names in `<>`. With `censored`,
 * fields with secret names become asterisks, and passwords in URLs `**`.
 */
export function plainValue(key: string, value: unknown, censored: boolean, depth: number = 0): unknown {
  if (censored && value !== null && isSecret(key)) return MASK
  if (typeof value === 'string') return censored ? maskUrls(value) : value
  if (typeof value === 'boolean' || value === null || (typeof value === 'number' && Number.isFinite(value)))
    return value
  if (typeof value === 'function') return `<${value.name === '' ? 'function' : value.name}>`
  // Symbols, bigints, undefined and numbers that JSON does not have.
  if (typeof value !== 'object') return inspect(value)
  if (depth === DEEPEST) return '...'
  if (value instanceof Date || value instanceof RegExp || isSchedule(value)) return String(value)
  if (Array.isArray(value)) return value.map((item) => plainValue('', item, censored, depth + 1))
  const fields: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(
    fields.map(([name, item]) => {
      const text = typeof name === 'string' ? name : inspect(name, { depth: 0 })
      return [text, plainValue(text, item, censored, depth + 1)]
    }),
  )
}
