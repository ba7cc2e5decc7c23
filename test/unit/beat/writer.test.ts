import { expect, it } from 'vitest'
import type { EntryState } from '../../../src/beat/entry.ts'
import { StateWriter } from '../../../src/beat/writer.ts'
import { ConnectionError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function lab() {
  const clock = fakeClock()
  const written: string[] = []
  let answer: boolean | Error = true
  let refused = 0
  const writer = new StateWriter({
    clock,
    logger: silentLogger(),
    write: async (states) => {
      if (answer instanceof Error) throw answer
      if (answer) written.push(states.map(({ name, lastDueMs }) => `${name}${String(lastDueMs)}`).join(' '))
      return answer
    },
    onRefused: () => (refused += 1),
  })
  const set = (next: boolean | Error): void => void (answer = next)
  return { clock, writer, written, set, refused: () => refused }
}

const state = (name: string, lastDueMs: number): EntryState => ({ name, lastDueMs, totalRunCount: 1 })

it('writes the first at once and the next ones together, the last of each entry', async () => {
  const { clock, writer, written } = lab()
  writer.note(state('a', 1))
  await clock.advance(0)
  expect(written).toEqual(['a1'])
  for (const each of [state('a', 2), state('b', 2), state('a', 3)]) writer.note(each)
  await clock.advance(200)
  expect(written).toHaveLength(1)
  expect(writer.pending).toBe(2)
  await clock.advance(50)
  expect(written).toEqual(['a1', 'a3 b2'])
  expect([writer.pending, clock.pending]).toEqual([0, 0])
})

it('keeps what could not be written', async () => {
  const { clock, writer, written, set } = lab()
  set(new ConnectionError('away'))
  writer.note(state('a', 1))
  await clock.advance(10)
  expect(writer.pending).toBe(1)
  set(true)
  await writer.flush()
  expect([written, writer.pending]).toEqual([['a1'], 0])
})

it('says that somebody else leads', async () => {
  const { writer, set, refused } = lab()
  set(false)
  writer.note(state('a', 1))
  await writer.flush()
  expect([refused(), writer.pending]).toEqual([1, 0])
})
