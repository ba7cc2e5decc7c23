import fc from 'fast-check'
import { expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import { decodeEntry, decodeStored, encodeEntry } from '../../../src/beat/document.ts'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { crontab } from '../../../src/schedule/crontab.ts'

const entry = (changes: object) => defineEntry('n', { task: 't', schedule: 30, ...changes }, 'runtime')

it('reads back what it writes', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 })),
  })).any
  const input = fc.record({
    args: fc.array(value),
    kwargs: fc.dictionary(fc.stringMatching(/^[a-z]+$/), value),
    options: fc.record({ queue: fc.string({ minLength: 1 }), expires: fc.nat() }, { requiredKeys: [] }),
    catchUp: fc.constantFrom('skip', 'once', { every: 3 }),
    jitter: fc.nat(),
    schedule: fc.constantFrom(30, 0.5, crontab('0 9 * * 1', { timezone: 'Europe/Berlin' })),
  })
  fc.assert(
    fc.property(input, (given) => {
      const definition = entry(given)
      const again = decodeEntry(encodeEntry(definition))
      expect(JSON.stringify({ ...again, schedule: again.schedule.toString() })).toBe(
        JSON.stringify({ ...definition, schedule: definition.schedule.toString() }),
      )
    }),
  )
})

it('refuses what has no form in JSON', () => {
  expect(() => encodeEntry(entry({ args: [() => 1] }))).toThrow(EncodeError)
  expect(() => encodeEntry(entry({ schedule: { next: () => 1, toString: () => 'mine' } }))).toThrow(EncodeError)
})

it('keeps what it cannot read, and says why', () => {
  expect(decodeStored(undefined)).toEqual({ definition: undefined })
  expect(decodeStored(encodeEntry(entry({})))).toMatchObject({ definition: { name: 'n' } })
  const newer = encodeEntry(entry({})).replace('interval', 'lunar')
  for (const text of ['', '[]', '{}', '{"name": "n"}', newer]) {
    expect(decodeStored(text), text).toMatchObject({ definition: undefined, unreadable: expect.any(DecodeError) })
  }
})
