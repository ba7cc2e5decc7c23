import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { bindArguments, readParameters } from '../../../src/task/parameters.ts'
import type { Parameters, ReadParametersOptions } from '../../../src/task/parameters.ts'

type AnyFunction = (...args: never[]) => unknown

function read(fn: AnyFunction, options: Partial<ReadParametersOptions> = {}): Parameters {
  return readParameters(fn, { name: 'proj.add', ...options })
}

function bind(fn: AnyFunction, args: unknown[], kwargs: Record<string, unknown>, options = {}): readonly unknown[] {
  return bindArguments(read(fn, options), args, kwargs)
}

/** A function from source that the compiler would change. */
function fromText(source: string): AnyFunction {
  return (0, eval)(`(${source})`) as AnyFunction
}

const add = (x: number, y: number): number => x + y

describe('readParameters', () => {
  class Holder extends Object {
    readonly #secret = 1
    method(x: unknown, y = 2): unknown {
      return [x, y, this.#secret]
    }
    async later(x: unknown): Promise<unknown> {
      return Promise.resolve(x)
    }
    *[Symbol.iterator](): Generator {
      yield 1
    }
    static of(x: unknown): unknown {
      return x
    }
    override(x: unknown): unknown {
      return [super.valueOf(), x]
    }
    arrow(): AnyFunction {
      return (x: unknown) => [super.valueOf(), x]
    }
  }
  const holder = new Holder()
  const object = {
    short(x: unknown, y: unknown): unknown[] {
      return [x, y]
    },
    async 'quoted name'(x: unknown): Promise<unknown> {
      return Promise.resolve(x)
    },
  }

  it.each<[string, AnyFunction, (string | undefined)[]]>([
    ['an arrow', add, ['x', 'y']],
    ['an arrow without parentheses', fromText('x => x'), ['x']],
    ['an async arrow', async (page: string) => Promise.resolve(page), ['page']],
    ['a function', fromText('function f(x, y) { return x }'), ['x', 'y']],
    ['an async generator', fromText('async function* f(x) { yield await x }'), ['x']],
    ['a method', holder.method, ['x', 'y']],
    ['an async method', holder.later, ['x']],
    ['a computed generator method', holder[Symbol.iterator], []],
    ['a static method', Holder.of, ['x']],
    ['a method that uses super', holder.override, ['x']],
    ['an arrow that uses super', holder.arrow(), ['x']],
    ['a shorthand method', object.short, ['x', 'y']],
    ['a method with a quoted name', object['quoted name'], ['x']],
    ['destructuring', ({ a }: { a: number }, [b]: number[], c: number) => a + (b ?? c), [undefined, undefined, 'c']],
    ['comments and defaults with commas', fromText('(a /* , b */, c = [1, 2], d = ")") => a'), ['a', 'c', 'd']],
    ['import.meta', () => import.meta.url, []],
    ['old code', fromText('function f(x) { with (x) { return 010 } }'), ['x']],
    ['names with unusual letters', fromText('(größe, $x, _y) => größe'), ['größe', '$x', '_y']],
  ])('reads %s', (_what, fn, names) => {
    expect(read(fn)).toMatchObject({ known: true, names })
  })

  it('knows defaults, rest and self', () => {
    const fn = (self: object, x: number, y = 1, ...more: number[]): unknown[] => [self, x, y, more]
    expect(read(fn, { bound: true })).toMatchObject({ names: ['x', 'y'], optional: [false, true], rest: true })
    expect(read((...all: unknown[]) => all, { bound: true })).toMatchObject({ names: [], rest: true })
    expect(read(() => 1, { bound: true })).toMatchObject({ names: [], rest: false })
  })

  it.each<[string, AnyFunction]>([
    ['native functions', Math.max],
    ['bound functions', add.bind(null)],
    ['proxies', new Proxy(add, {})],
    ['classes', Holder as unknown as AnyFunction],
  ])('knows nothing of %s', (_what, fn) => {
    expect(read(fn).known).toBe(false)
  })

  it('knows how many arguments there may be', () => {
    expect(read(add).arity).toBe(2)
    expect(read((self: object, x = 1) => [self, x], { bound: true, typing: false }).arity).toBe(1)
    expect(read((x: number, rest: object) => [x, rest], { kwargs: true }).arity).toBe(1)
    expect(read((...all: unknown[]) => all).arity).toBe(Infinity)
    expect(read(Math.max).arity).toBe(Infinity)
  })

  it('takes names from params', () => {
    expect(read(add.bind(null), { params: ['x', 'y'] })).toMatchObject({ names: ['x', 'y'], optional: [false, false] })
    expect(read((a: number, b = 1) => a + b, { params: ['x', 'y'] }).optional).toEqual([false, true])
    expect(read((...all: number[]) => all, { params: ['x', 'y?', '...more'] })).toMatchObject({
      names: ['x', 'y'],
      optional: [false, true],
      rest: true,
    })
    expect(read((self: object, a = 1) => [self, a], { bound: true, params: ['x'] }).optional).toEqual([true])
  })

  it.each<[string, AnyFunction, Partial<ReadParametersOptions>, RegExp]>([
    ['kwargs without a place', () => 1, { kwargs: true }, /proj\.add: kwargs: true needs a last parameter/],
    ['kwargs and rest', (...all: unknown[]) => all, { kwargs: true }, /needs a last parameter/],
    ['kwargs of an unknown function', Math.max, { kwargs: true }, /params: \[\.\.\.\]/],
    ['two of one name', add, { params: ['x', 'x'] }, /two parameters are named "x"/],
    ['an empty name', add, { params: ['x', '...'] }, /needs a name/],
    ['rest in the middle', add, { params: ['...x', 'y'] }, /only the last/],
  ])('refuses %s', (_what, fn, options, message) => {
    expect(() => read(fn, options)).toThrow(ImproperlyConfigured)
    expect(() => read(fn, options)).toThrow(message)
  })
})

describe('bindArguments', () => {
  it('gives the arguments back as they are where nothing needs to move', () => {
    const args = [1, 2]
    expect(bindArguments(read(add), args, {})).toBe(args)
    expect(bindArguments(read(Math.max), args, {})).toBe(args)
    expect(
      bindArguments(
        read((x: number, ...more: number[]) => [x, more]),
        args,
        {},
      ),
    ).toBe(args)
    const short = [1]
    expect(
      bindArguments(
        read((x: number, y = 2) => x + y),
        short,
        {},
      ),
    ).toBe(short)
  })

  it('puts named arguments in their places', () => {
    expect(bind(add, [], { y: 2, x: 1 })).toEqual([1, 2])
    expect(bind(add, [1], { y: 2 })).toEqual([1, 2])
    // Strictly: undefined, no hole.
    expect(bind((x: number, y = 2, z = 3) => [x, y, z], [1], { z: 5 })).toStrictEqual([1, undefined, 5])
    expect(bind((self: object, x: number) => [self, x], [], { x: 1 }, { bound: true })).toEqual([1])
    expect(bind((x: unknown, constructor: unknown) => [x, constructor], [1], { constructor: 2 })).toEqual([1, 2])
  })

  it.each<[AnyFunction, unknown[], Record<string, unknown>, string]>([
    [add, [1, 2], { q: 1 }, "add() got an unexpected keyword argument 'q'"],
    [add, [1, 2], { toString: 1 }, "add() got an unexpected keyword argument 'toString'"],
    [add, [1], {}, "add() missing 1 required positional argument: 'y'"],
    [add, [], {}, "add() missing 2 required positional arguments: 'x' and 'y'"],
    [(a: 1, b: 1, c: 1) => [a, b, c], [], {}, "add() missing 3 required positional arguments: 'a', 'b', and 'c'"],
    [add, [1, 2, 3], {}, 'add() takes 2 positional arguments but 3 were given'],
    [() => 1, [1], {}, 'add() takes 0 positional arguments but 1 was given'],
    [(x: 1) => x, [1, 2], {}, 'add() takes 1 positional argument but 2 were given'],
    [(x: 1, y = 1) => [x, y], [1, 2, 3], {}, 'add() takes from 1 to 2 positional arguments but 3 were given'],
    [add, [1, 2], { x: 1 }, "add() got multiple values for argument 'x'"],
    [add, [1, 2, 3], { q: 1 }, "add() got an unexpected keyword argument 'q'"],
    [(...rest: 1[]) => rest, [1], { rest: 1 }, "add() got an unexpected keyword argument 'rest'"],
    [({ a }: { a: 1 }, b: 1) => [a, b], [], { b: 1 }, "add() missing 1 required positional argument: 'argument 1'"],
    [Math.max, [], { x: 1 }, 'add() takes no keyword arguments'],
  ])('is as strict as Python: %o %j %j', (fn, args, kwargs, message) => {
    expect(() => bind(fn, args, kwargs)).toThrow(new TypeError(message))
  })

  it('hands over what is left as a last object with kwargs: true', () => {
    const fn = (x: number, y: number, rest: object): unknown => [x, y, rest]
    const kwargs = JSON.parse('{"y": 2, "z": 3, "__proto__": 4}') as Record<string, unknown>
    const bound = bind(fn, [1], kwargs, { kwargs: true })
    expect(bound.slice(0, 2)).toEqual([1, 2])
    expect(Object.entries(bound[2] as object)).toEqual([
      ['z', 3],
      ['__proto__', 4],
    ])
    expect(bind(fn, [1, 2], {}, { kwargs: true })).toEqual([1, 2, {}])
    expect(bind((x = 1, rest = {}) => [x, rest], [], { a: 1 }, { kwargs: true })).toEqual([undefined, { a: 1 }])
    expect(() => bind(fn, [1, 2, {}], {}, { kwargs: true })).toThrow('takes 2 positional arguments but 3 were given')
    expect(() => bind(fn, [1, 2, {}], {}, { kwargs: true, typing: false })).toThrow('takes 2 positional arguments')
    expect(bind(fn, [], { rest: 1 }, { kwargs: true, typing: false })).toEqual([undefined, undefined, { rest: 1 }])
  })

  it('lets missing and surplus arguments be without typing', () => {
    expect(bind(add, [1, 2, 3], {}, { typing: false })).toEqual([1, 2, 3])
    expect(bind(add, [], { y: 1 }, { typing: false })).toEqual([undefined, 1])
    expect(() => bind(add, [], { q: 1 }, { typing: false })).toThrow("unexpected keyword argument 'q'")
  })

  it('agrees with a plain reading of the rules', () => {
    const names = ['a', 'b', 'c', 'd']
    const shape = fc.record({
      required: fc.nat(2),
      defaults: fc.nat(2),
      tail: fc.constantFrom('none', 'rest', 'kwargs'),
      bound: fc.boolean(),
    })
    const call = fc.record({
      args: fc.array(fc.integer(), { maxLength: 5 }),
      kwargs: fc.dictionary(fc.constantFrom(...names, 'q', 'more', '__proto__'), fc.integer()),
    })
    fc.assert(
      fc.property(shape, call, ({ required, defaults, tail, bound }, { args, kwargs }) => {
        const own = names.slice(0, required + defaults)
        const texts = own.map((name, index) => (index < required ? name : `${name} = 'default'`))
        if (bound) texts.unshift('self')
        if (tail !== 'none') texts.push(tail === 'rest' ? '...more' : 'more')
        const fn = fromText(`(${texts.join(', ')}) => [${[...own, ...(tail === 'none' ? [] : ['more'])].join(', ')}]`)
        const parameters = read(fn, { bound, kwargs: tail === 'kwargs' })
        const outcome = attempt(() => {
          const values = bindArguments(parameters, args, kwargs) as never[]
          return bound ? (fn as (...all: unknown[]) => unknown)('self', ...values) : fn(...values)
        })
        expect(outcome).toEqual(attempt(() => pythonCall(own, required, tail, args, kwargs)))
      }),
      { numRuns: 500 },
    )
  })
})

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    return 'TypeError'
  }
}

/** What Python's call would give the function, parameter by parameter. */
function pythonCall(
  names: readonly string[],
  required: number,
  tail: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): unknown[] {
  const values = new Map<string, unknown>()
  names.forEach((name, index) => {
    if (index < args.length) values.set(name, args[index])
  })
  const extra: [string, unknown][] = []
  for (const [key, value] of Object.entries(kwargs)) {
    if (values.has(key)) throw new TypeError('twice')
    if (names.includes(key)) values.set(key, value)
    else if (tail === 'kwargs') extra.push([key, value])
    else throw new TypeError('unexpected')
  }
  if (args.length > names.length && tail !== 'rest') throw new TypeError('surplus')
  const bound = names.map((name, index) => {
    if (!values.has(name) && index < required) throw new TypeError('missing')
    return values.has(name) ? values.get(name) : 'default'
  })
  if (tail === 'rest') bound.push(args.slice(names.length))
  if (tail === 'kwargs') bound.push(Object.fromEntries(extra))
  return bound
}
