/**
 * The arguments of `celeriac multi`: node names, options for all nodes and for some (`-c:1-3 10`), and what is meant for
 * multi itself. What becomes of them is `nodes.ts`.
 */
import { ImproperlyConfigured } from '../../errors.ts'

/** Does a flag take a value? Undefined where it is not known. */
export type TakesValue = (flag: string) => boolean | undefined

/** One option as it was written. */
export interface MultiOption {
  /** With its dashes: `-c`, `--pidfile`. */
  readonly flag: string
  /** Undefined for a flag without one. */
  readonly value: string | undefined
  /** Whom it is for: `1-3`, `2,4`, a name. Undefined is every node. */
  readonly nodes: string | undefined
}

/** All of it, in order. */
export interface MultiArguments {
  readonly names: readonly string[]
  readonly options: readonly MultiOption[]
  /** What stands behind `--`. */
  readonly passed: readonly string[]
}

/**
 * Read them. Flags that are known take a value, or none, as they do elsewhere; for those that are not, Celery's rule: a
 * short one takes the next argument unless it begins with a dash, a long one only what stands behind `=`.
 */
export function readArguments(args: readonly string[], takesValue: TakesValue): MultiArguments {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  const names: string[] = []
  const options: MultiOption[] = []
  for (let index = 0; index < own.length; index += 1) {
    const arg = own[index] ?? ''
    if (!arg.startsWith('-') || arg === '-') {
      if (arg !== '') names.push(arg)
      continue
    }
    const { flag, nodes, attached } = splitFlag(arg, takesValue)
    const next = own[index + 1]
    if (attached === undefined && next !== undefined && wantsNext(flag, next, takesValue)) {
      options.push({ flag, nodes, value: next })
      index += 1
    } else {
      if (attached === undefined && takesValue(flag) === true) throw new ImproperlyConfigured(`${arg} needs a value`)
      options.push({ flag, nodes, value: attached })
    }
  }
  return { names, options, passed: end === -1 ? [] : args.slice(end + 1) }
}

function wantsNext(flag: string, next: string, takesValue: TakesValue): boolean {
  return takesValue(flag) ?? (!flag.startsWith('--') && !next.startsWith('-'))
}

/** `--flag:nodes=value`, `-f:nodes`, `-fvalue`. */
function splitFlag(
  arg: string,
  takesValue: TakesValue,
): { flag: string; nodes: string | undefined; attached: string | undefined } {
  const equals = arg.startsWith('--') ? arg.indexOf('=') : -1
  const head = equals === -1 ? arg : arg.slice(0, equals)
  const attached = equals === -1 ? undefined : arg.slice(equals + 1)
  const colon = head.indexOf(':')
  const short = /^-[A-Za-z](?=[^:])/.exec(head)?.[0]
  if (short !== undefined && takesValue(short) === true)
    return { flag: short, nodes: undefined, attached: head.slice(2) }
  if (colon === -1) return { flag: head, nodes: undefined, attached }
  return { flag: head.slice(0, colon), nodes: head.slice(colon + 1), attached }
}
