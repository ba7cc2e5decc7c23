/** Reads the arguments of commands. They come from anywhere, so each is checked; what cannot be is told to the asker. */
import { constants } from 'node:os'
import { InvalidTaskError } from '../../errors.ts'
import { isRecord } from '../../util/record.ts'
import { repr } from '../../util/repr.ts'
import { didYouMean } from '../../util/suggest.ts'
import type { CommandArguments } from './command.ts'

/** A text that must be there. Throws `InvalidTaskError`. */
export function text(args: CommandArguments, name: string): string {
  const value = args[name]
  if (typeof value === 'string' && value !== '') return value
  throw wrong(name, value, 'a text')
}

/** A text that may be missing. Throws `InvalidTaskError` for anything else. */
export function optionalText(args: CommandArguments, name: string): string | undefined {
  return isMissing(args[name]) ? undefined : text(args, name)
}

/** One text or a list of them. Throws `InvalidTaskError`. */
export function texts(args: CommandArguments, name: string): string[] {
  const value = args[name]
  const all: unknown[] = Array.isArray(value) ? value : [value]
  if (all.every((one) => typeof one === 'string')) return all
  throw wrong(name, value, 'a text, or a list of them')
}

/** True where it says so; Python's clients send text from a command line. */
export function flag(args: CommandArguments, name: string): boolean {
  return readFlag(args[name])
}

/** A number that may be missing, not below `min`. Throws `InvalidTaskError` for anything else. */
export function optionalNumber(args: CommandArguments, name: string, min: number = 0): number | undefined {
  const value = args[name]
  if (isMissing(value)) return undefined
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number) && number >= min) return number
  throw wrong(name, value, `a number from ${String(min)} on`)
}

/** Likewise, without a fraction. */
export function optionalInteger(args: CommandArguments, name: string, min: number = 0): number | undefined {
  const number = optionalNumber(args, name, min)
  if (number === undefined || Number.isSafeInteger(number)) return number
  throw wrong(name, number, 'a whole number')
}

/** A Unix signal by its name, with and without `SIG`, in any case, or by its number. Default SIGTERM. */
export function signal(args: CommandArguments, name: string): NodeJS.Signals {
  const value = args[name]
  if (isMissing(value) || value === '') return 'SIGTERM'
  const wanted = String(value).toUpperCase()
  const known = Object.entries(constants.signals)
  const found = known.find(
    ([key, number]) => key === wanted || key === `SIG${wanted}` || String(number) === String(value),
  )
  if (found !== undefined) return found[0] as NodeJS.Signals
  throw new InvalidTaskError(`There is no signal ${repr(value)}${didYouMean(wanted, Object.keys(constants.signals))}`)
}

/** Headers as an object, or as a list of `key=value`. Throws `InvalidTaskError`. */
export function headers(args: CommandArguments, name: string): Map<string, readonly unknown[]> {
  const value = args[name]
  if (isRecord(value)) return new Map(Object.entries(value).map(([key, one]) => [key, asList(one)]))
  const found = new Map<string, unknown[]>()
  for (const pair of asList(value)) {
    const equals = typeof pair === 'string' ? pair.indexOf('=') : -1
    if (equals < 1) throw wrong(name, value, 'an object, or a list such as ["key=value"]')
    const key = (pair as string).slice(0, equals)
    found.set(key, [...(found.get(key) ?? []), (pair as string).slice(equals + 1)])
  }
  if (found.size === 0) throw wrong(name, value, 'an object, or a list such as ["key=value"]')
  return found
}

/** For command lines: a number. Throws `InvalidTaskError`. */
export function toNumber(written: string): number {
  const number = Number(written)
  if (written.trim() !== '' && Number.isFinite(number)) return number
  throw new InvalidTaskError(`${repr(written)} is no number`)
}

/** For command lines: yes or no. */
export function toFlag(written: string): boolean {
  return readFlag(written)
}

function readFlag(value: unknown): boolean {
  if (typeof value === 'string') return /^(true|yes|on|1|t|y)$/i.test(value)
  return value === true || value === 1
}

/** One value, or a list of them, as a list. */
export function asList(value: unknown): readonly unknown[] {
  if (isMissing(value)) return []
  return Array.isArray(value) ? (value as unknown[]) : [value]
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

function wrong(name: string, value: unknown, wanted: string): InvalidTaskError {
  return new InvalidTaskError(`"${name}" is ${repr(value, { maxLength: 100 })}, not ${wanted}`)
}
