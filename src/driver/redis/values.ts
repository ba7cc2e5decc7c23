/** Values of options: from code they have their type, from a URL's query they are text. */
import { ImproperlyConfigured } from '../../errors.ts'
import { camelCase } from '../../util/case.ts'

/** Options by name, as they may stand in the query of the URL or beside it. Numbers and switches may be text. */
export type RedisOptions = Readonly<Record<string, unknown>>

/** The same options, named in camelCase. */
export function camelKeys(options: RedisOptions): RedisOptions {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camelCase(name), value]))
}

/** A table of options, its names in camelCase; empty where none is given. All of these throw `ImproperlyConfigured`. */
export function readTable(name: string, value: unknown): RedisOptions {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object') return camelKeys(value as RedisOptions)
  throw wrong(name, 'a table of options', value)
}

/** A text; undefined where it is not given or empty. What was given instead may be a secret, so errors do not say it. */
export function readText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  throw wrong(name, 'a text', `a ${typeof value}`)
}

/** A number from 0 on; `usual` where it is not given. */
export function readNumber(name: string, value: unknown, usual: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : (value ?? usual)
  if (typeof number === 'number' && Number.isFinite(number) && number >= 0) return number
  throw wrong(name, 'a number, at least 0', value)
}

/** Seconds, as milliseconds; `usual`, in seconds, where they are not given. */
export function readSeconds(name: string, value: unknown, usual: number): number {
  return readNumber(name, value, usual) * 1000
}

/** True or false; `usual` where it is not given. */
export function readSwitch(name: string, value: unknown, usual: boolean): boolean {
  const text = String(value ?? usual).toLowerCase()
  if (['true', '1', 'yes'].includes(text)) return true
  if (['false', '0', 'no'].includes(text)) return false
  throw wrong(name, 'true or false', value)
}

function wrong(name: string, wanted: string, value: unknown): ImproperlyConfigured {
  return new ImproperlyConfigured(`The Redis option "${name}" is ${wanted}; it is ${String(value)}`)
}
