/** How what a call adds is merged with what a signature has (Celery's rules), in wire names. */
import type { SignatureData, SignatureOptions } from '../protocol/signature.ts'

/** What is given to a signature when it is sent. */
export interface Given {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: SignatureOptions
}

export const NOTHING_GIVEN: Given = { args: [], kwargs: {}, options: {} }

/** Options that a group or a stamp has set: changed, nobody would find the task's group, or the stamp. */
const KEPT: ReadonlySet<string> = new Set(['group_id', 'stamped_headers'])

/** Arguments come in front, named ones and options over its own; an immutable signature takes options only. */
export function merge(data: SignatureData, given: Given): Given {
  const options = mergeOptions(data.options, given.options)
  if (data.immutable) return { args: data.args, kwargs: data.kwargs, options }
  const args = given.args.length === 0 ? data.args : [...given.args, ...data.args]
  return { args, kwargs: { ...data.kwargs, ...given.kwargs }, options }
}

/** `given` over `own`, except for the group and the stamps. What is null or undefined was not given. */
export function mergeOptions(own: SignatureOptions, given: SignatureOptions): SignatureOptions {
  const merged = { ...own }
  const stamps = own['stamped_headers']
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue
    const kept = KEPT.has(name) || (Array.isArray(stamps) && stamps.includes(name))
    if (!(kept && name in own)) merged[name] = value
  }
  return merged
}

/** `options` without these. */
export function without(options: SignatureOptions, ...names: readonly string[]): SignatureOptions {
  const rest = { ...options }
  for (const name of names) Reflect.deleteProperty(rest, name)
  return rest
}
