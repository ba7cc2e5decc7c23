import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { pickle } from '../../../src/serialization/pickle.ts'
import { damage, data, expectValueOrError, integer, spoil, text } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const python = findPython()

/** What else pickle carries: sets, bytes, maps with keys of any plain kind. */
const more = fc.oneof(
  data,
  fc.uniqueArray(fc.oneof(integer, text), { maxLength: 5 }).map((items) => new Set<unknown>(items)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .uniqueArray(fc.tuple(fc.oneof(integer, fc.boolean()), data), {
      maxLength: 5,
      minLength: 1,
      // True is 1 to Python, and False is 0.
      selector: ([key]) => String(typeof key === 'boolean' ? Number(key) : key),
    })
    .map((entries) => new Map<unknown, unknown>(entries)),
)

describe('pickle', () => {
  it('has the names of kombu', () => {
    expect(pickle).toMatchObject({
      name: 'pickle',
      contentType: 'application/x-python-serialize',
      contentEncoding: 'binary',
    })
  })

  it('brings back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(more), (value) => {
        expect(pickle.decode(pickle.encode(value))).toEqual(value)
      }),
    )
  })

  it('reads a body that came as a string of bytes', () => {
    expect(pickle.decode(Buffer.from(pickle.encode({ a: [1, 'é'] })).toString('latin1'))).toEqual({ a: [1, 'é'] })
  })

  it('keeps what is shared and what contains itself', () => {
    const part = { a: 1 }
    const circle: unknown[] = [part, part, new Map<unknown, unknown>([[1, part]])]
    circle.push(circle, { circle })
    const back = pickle.decode(pickle.encode(circle)) as [
      object,
      object,
      Map<unknown, unknown>,
      unknown,
      { circle: unknown },
    ]
    expect(back[0]).toBe(back[1])
    expect(back[2].get(1)).toBe(back[0])
    expect(back[3]).toBe(back)
    expect(back[4].circle).toBe(back)
  })

  it('takes anything for a value or an error', () => {
    const file = new URL('pickles.json', import.meta.url)
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as [string, number, string][]
    const valid = fc.constantFrom(...recorded.map(([, , bytes]) => Buffer.from(bytes, 'base64')))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.tuple(valid, damage).map(([body, how]) => spoil(body, how)),
        ),
        (body) => {
          expectValueOrError(() => pickle.decode(body))
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe.skipIf(python === undefined)('pickle and Python', () => {
  it('agree on what we write', () => {
    const values = fc.sample(fc.array(more), 100)
    const program = `
import sys, pickle
value = pickle.loads(sys.stdin.buffer.read())
sys.stdout.buffer.write(pickle.dumps([pickle.dumps(value, protocol) for protocol in range(6)]))`
    const copies = pickle.decode(runPython(python ?? '', program, Buffer.from(pickle.encode(values)))) as Buffer[]
    for (const copy of copies) expect(pickle.decode(copy)).toEqual(values)
    expect(copies).toHaveLength(6)
  })
})
