/**
 * The parameters of a task's function, and how positional and named arguments find their places among them. Names come
 * from `params` or from the function's own source, read once; errors are worded as Python's, for callers know those.
 */
import { parse } from 'acorn'
import type { Node, Options } from 'acorn'
import { ImproperlyConfigured } from '../errors.ts'

/** One parameter, in the order of the function. */
interface Parameter {
  /** Undefined for one that is taken apart, `({ a, b })`: it takes positional arguments only. */
  readonly name: string | undefined
  /** It has a default. */
  readonly optional: boolean
  readonly rest: boolean
}

/** What is known of a function's parameters. Made by `readParameters`. */
export interface Parameters {
  /** What errors call the function: the last part of the task's name. */
  readonly label: string
  /** Whether anything is known: nothing is of native and bound functions without `params`. */
  readonly known: boolean
  /** Names of positional parameters, `self` and the ones below left out; undefined for one without a name. */
  readonly names: readonly (string | undefined)[]
  /** For each of the above: can it be left out? */
  readonly optional: readonly boolean[]
  /** A last `...rest` takes any number of further positional arguments. */
  readonly rest: boolean
  /** A last parameter takes the named arguments that match no other, as one object. */
  readonly kwargs: boolean
  /** Are missing and surplus positional arguments an error? Otherwise they are as in any JavaScript call. */
  readonly typing: boolean
  /** The most positional arguments that the function takes; Infinity with `...rest`, and where nothing is known. */
  readonly arity: number
  /** The fewest and most arguments that need no looking at when there are no named ones; -1 where all do. */
  readonly fewest: number
  readonly most: number
  readonly places: ReadonlyMap<string, number>
}

/** How the parameters of a function are to be read. */
export interface ReadParametersOptions {
  /** The task's name, for errors. */
  readonly name: string
  /** The first parameter is `self`: no caller fills it. Default false. */
  readonly bound?: boolean
  /**
   * The names, `self` left out, where the function's source does not tell them: bundled and minified code. `y?` marks
   * one that can be left out, `...rest` a last one that takes all further ones; a default in the source counts too.
   */
  readonly params?: readonly string[] | undefined
  /** The last parameter takes named arguments that match no other. Default false. */
  readonly kwargs?: boolean
  /** Refuse missing and surplus positional arguments. Default true. */
  readonly typing?: boolean
}

/**
 * Read the parameters of a function. A parameter with a default can be left out; TypeScript's `y?: number` leaves no
 * trace in the running code, so write `y: number | undefined = undefined` or say it in `params`.
 * Throws `ImproperlyConfigured` for `params` that cannot be, and for `kwargs` where no last parameter can take them.
 */
export function readParameters(fn: (...args: never[]) => unknown, options: ReadParametersOptions): Parameters {
  const { name, bound = false, params, kwargs = false, typing = true } = options
  const fromSource = withoutSelf(parametersOf(fn), bound)
  const listed = params === undefined ? fromSource : withNames(params, fromSource, fn.length - (bound ? 1 : 0))
  const all = listed ?? []
  checkNames(name, all)
  const taker = kwargs ? all.at(-1) : undefined
  if (kwargs && (taker === undefined || taker.rest)) {
    throw new ImproperlyConfigured(
      `${name}: kwargs: true needs a last parameter that takes the named arguments as an object` +
        (listed === undefined ? '; name the parameters with params: [...]' : ''),
    )
  }
  const rest = all.at(-1)?.rest === true
  const positional = kwargs || rest ? all.slice(0, -1) : all
  return summarize(name, positional, { known: listed !== undefined, rest, kwargs, typing })
}

function summarize(
  name: string,
  positional: readonly Parameter[],
  facts: Pick<Parameters, 'known' | 'rest' | 'kwargs' | 'typing'>,
): Parameters {
  const optional = positional.map((parameter) => parameter.optional)
  const free = !facts.known || !facts.typing
  const arity = facts.known && !facts.rest ? positional.length : Infinity
  return {
    ...facts,
    label: name.slice(name.lastIndexOf('.') + 1),
    names: positional.map((parameter) => parameter.name),
    optional,
    arity,
    fewest: facts.kwargs ? -1 : free ? 0 : optional.lastIndexOf(false) + 1,
    most: facts.kwargs ? -1 : facts.typing ? arity : Infinity,
    places: new Map(positional.flatMap(({ name: key }, index) => (key === undefined ? [] : [[key, index] as const]))),
  }
}

/**
 * Arguments in the order that the function wants; `args` itself where nothing needs to move. Throws `TypeError` for
 * names that are unknown or given twice, and with `typing` for missing and surplus arguments.
 */
export function bindArguments(
  parameters: Parameters,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  if (args.length >= parameters.fewest && args.length <= parameters.most && isEmpty(kwargs)) return args
  const bound = [...args]
  const filled = new Set<number>()
  const unmatched: [string, unknown][] = []
  for (const key of Object.keys(kwargs)) {
    const place = placeOf(parameters, key, args.length)
    if (place === undefined) unmatched.push([key, kwargs[key]])
    else filled.add(place)
  }
  const { names } = parameters
  // The object of `kwargs: true` has its place; a surplus argument would lose it.
  if (parameters.known && (parameters.typing || parameters.kwargs)) checkSurplus(parameters, args.length)
  if (parameters.known && parameters.typing) checkMissing(parameters, args.length, filled)
  for (const place of filled) {
    // Holes would be seen by `...rest` and by serializers; undefined is what a default waits for.
    while (bound.length < place) bound.push(undefined)
    bound[place] = kwargs[names[place] ?? '']
  }
  if (parameters.kwargs) {
    while (bound.length < names.length) bound.push(undefined)
    // fromEntries defines own properties, so that a key "__proto__" stays a key.
    bound[names.length] = Object.fromEntries(unmatched)
  }
  return bound
}

/** Where a named argument goes; undefined where it is one for the object of `kwargs: true`. */
function placeOf(parameters: Parameters, key: string, given: number): number | undefined {
  const { label, places, known } = parameters
  if (!known) throw new TypeError(`${label}() takes no keyword arguments`)
  const place = places.get(key)
  if (place === undefined) {
    if (parameters.kwargs) return undefined
    throw new TypeError(`${label}() got an unexpected keyword argument '${key}'`)
  }
  if (place < given) throw new TypeError(`${label}() got multiple values for argument '${key}'`)
  return place
}

function checkSurplus({ label, names, optional, rest }: Parameters, given: number): void {
  const most = names.length
  if (rest || given <= most) return
  const fewest = optional.filter((can) => !can).length
  const takes =
    fewest === most
      ? plural(most, 'positional argument')
      : `from ${String(fewest)} to ${plural(most, 'positional argument')}`
  throw new TypeError(`${label}() takes ${takes} but ${String(given)} ${given === 1 ? 'was' : 'were'} given`)
}

function checkMissing({ label, names, optional }: Parameters, given: number, filled: ReadonlySet<number>): void {
  const missing = names.flatMap((name, place) =>
    place < given || filled.has(place) || optional[place] === true
      ? []
      : [`'${name ?? `argument ${String(place + 1)}`}'`],
  )
  if (missing.length === 0) return
  throw new TypeError(
    `${label}() missing ${plural(missing.length, 'required positional argument')}: ${enumerate(missing)}`,
  )
}

function plural(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `'x'`, `'x' and 'y'`, `'x', 'y', and 'z'`: as Python writes it. */
function enumerate(words: readonly string[]): string {
  if (words.length < 3) return words.join(' and ')
  return `${words.slice(0, -1).join(', ')}, and ${words.at(-1) ?? ''}`
}

function isEmpty(kwargs: Readonly<Record<string, unknown>>): boolean {
  for (const key in kwargs) if (Object.hasOwn(kwargs, key)) return false
  return true
}

function withoutSelf(all: Parameter[] | undefined, bound: boolean): Parameter[] | undefined {
  if (!bound || all === undefined) return all
  // `(...all)` takes self and goes on.
  return all[0]?.rest === true ? all : all.slice(1)
}

/** What can be left out is known from the source all the same; else the function's `length` says it, up to the first default. */
function withNames(params: readonly string[], source: readonly Parameter[] | undefined, required: number): Parameter[] {
  return params.map((text, index) => {
    const rest = text.startsWith('...')
    const marked = text.endsWith('?')
    const inSource = source?.[index]
    const byDefault = source === undefined ? index >= required : inSource?.optional === true && !inSource.rest
    return { name: text.slice(rest ? 3 : 0, marked ? -1 : undefined), optional: rest || marked || byDefault, rest }
  })
}

function checkNames(task: string, parameters: readonly Parameter[]): void {
  const names = parameters.flatMap(({ name }) => (name === undefined ? [] : [name]))
  const wrong = names.find((name, index) => name === '' || names.indexOf(name) !== index)
  if (wrong !== undefined) {
    throw new ImproperlyConfigured(
      wrong === '' ? `${task}: a parameter needs a name` : `${task}: two parameters are named "${wrong}"`,
    )
  }
  if (parameters.slice(0, -1).some(({ rest }) => rest)) {
    throw new ImproperlyConfigured(`${task}: only the last parameter can be ...rest`)
  }
}

/** The parameters as the function's source has them; undefined where there is no source or it cannot be read. */
function parametersOf(fn: (...args: never[]) => unknown): Parameter[] | undefined {
  const source = Function.prototype.toString.call(fn)
  return parseFunction(source)?.map(readParameter)
}

type Syntax = Node & Readonly<Record<string, unknown>>

/** A function or an arrow stands as an expression, a method or accessor needs a class around it. */
function parseFunction(source: string): readonly Syntax[] | undefined {
  const asExpression = expressionOf(`(${source})`)
  if (asExpression?.type === 'ArrowFunctionExpression' || asExpression?.type === 'FunctionExpression') {
    return asExpression['params'] as readonly Syntax[]
  }
  const asClass = expressionOf(`(class extends Object { ${source} })`)
  const member = (asClass?.['body'] as { readonly body: readonly Syntax[] } | undefined)?.body[0]
  if (member?.type !== 'MethodDefinition') return undefined
  return (member['value'] as Syntax)['params'] as readonly Syntax[]
}

const PARSE_OPTIONS: Options = {
  ecmaVersion: 'latest',
  // The function was taken out of its place: what it refers to around it is not there.
  allowSuperOutsideMethod: true,
  allowAwaitOutsideFunction: false,
  checkPrivateFields: false,
}

/** Modules first, as `import.meta` is only there; then scripts, where old code may do what modules forbid. */
function expressionOf(code: string): Syntax | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const statement = parse(code, { ...PARSE_OPTIONS, sourceType }).body[0]
      return statement?.type === 'ExpressionStatement' ? (statement.expression as unknown as Syntax) : undefined
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}

function readParameter(node: Syntax): Parameter {
  const rest = node.type === 'RestElement'
  const optional = node.type === 'AssignmentPattern'
  const target = rest ? (node['argument'] as Syntax) : optional ? (node['left'] as Syntax) : node
  return {
    name: target.type === 'Identifier' ? (target['name'] as string) : undefined,
    optional: optional || rest,
    rest,
  }
}
