/** Values for property tests: what every format can carry, and bytes that are nearly right. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { SerializationError } from '../../../src/errors.ts'

/** Text without halves of surrogate pairs. */
export const text: fc.Arbitrary<string> = fc.string({ unit: 'grapheme', maxLength: 20 })

/** Whole numbers; a `bigint` where a number would not hold them. */
export const integer: fc.Arbitrary<number | bigint> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
)

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, NaN, Infinity, -Infinity),
  integer,
  // A whole float would come back as the int that it is written as; one with a fraction stays what it is.
  fc.double({ noInteger: true }),
  text,
)

const key: fc.Arbitrary<string> = fc.oneof(text, fc.constantFrom('constructor', 'toString', '__type__'))

/** Data as every format can carry it, lists and objects inside each other. */
export const data: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(key, tie('node'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).node

/** A few changes to bytes: cut off, or overwritten here and there. */
export interface Damage {
  readonly cut: number
  readonly writes: readonly [at: number, byte: number][]
}

export const damage: fc.Arbitrary<Damage> = fc.record({
  cut: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  writes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
    maxLength: 4,
  }),
})

/** The damaged copy. */
export function spoil(bytes: Uint8Array, { cut, writes }: Damage): Buffer {
  const copy = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * cut)))
  for (const [at, byte] of writes) copy[Math.floor(at * copy.length)] = byte
  return copy
}

/** `work` answers something or throws one of our errors, and is not slow. */
export function expectValueOrError(work: () => unknown): void {
  const start = performance.now()
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(SerializationError)
  }
  expect(performance.now() - start).toBeLessThan(2000)
}

/** Lists inside each other, so many levels. */
export function nest(levels: number): unknown[] {
  let value: unknown[] = []
  for (let level = 1; level < levels; level += 1) value = [value]
  return value
}
