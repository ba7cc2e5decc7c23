/** Checks of what users write about exchanges and queues: unknown names, numbers that cannot be. */
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'

/** Throws `ImproperlyConfigured` for an option of `subject` that is not in `names`, naming the nearest one. */
export function checkOptions(subject: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    throw new ImproperlyConfigured(`There is no option "${name}" of ${subject}${didYouMean(name, names)}`)
  }
}

/** A number that is not below `smallest`, where it is given. Throws `ImproperlyConfigured` for anything else. */
export function checkNumber(
  subject: string,
  name: string,
  value: number | undefined,
  smallest: number = 0,
): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= smallest && Number.isFinite(value)) return value
  throw new ImproperlyConfigured(
    `Option "${name}" of ${subject} must be a number not below ${String(smallest)}, not ${JSON.stringify(value)}`,
  )
}
