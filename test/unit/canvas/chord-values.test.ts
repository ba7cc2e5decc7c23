import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { awaitParts, dependencyError, errorRepr, nestedValues, valuesOf } from '../../../src/canvas/chord-values.ts'
import { ChordError, TimeoutError } from '../../../src/errors.ts'
import { encodeTaskMeta, groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import type { ChordPart, ResultTuple } from '../../../src/protocol/result.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const part = (taskId: string, result: unknown = taskId): ChordPart => ({ taskId, status: 'SUCCESS', result })
const failed = (taskId: string, status = 'FAILURE'): ChordPart => ({
  taskId,
  status,
  result: { exc_type: 'ValueError', exc_message: ['x'], exc_module: 'builtins' },
})
const nobody = (): Promise<never> => Promise.reject(new Error('nothing is missing'))

describe('valuesOf', () => {
  it('is the values in their order', () => {
    expect(valuesOf([part('a', 1), part('b', null), part('c', [])])).toEqual([1, null, []])
  })

  it('throws what Celery does for the first part that failed or was revoked', () => {
    expect(() => valuesOf([part('a'), failed('b', 'REVOKED'), failed('c')])).toThrow(
      new ChordError("Dependency b raised ValueError('x')"),
    )
    expect(dependencyError(failed('b')).cause).toMatchObject({ name: 'ValueError', message: 'x' })
  })
})

describe('nestedValues', () => {
  it('has the form of the header', async () => {
    type Nested = string | Nested[]
    const { nested } = fc.letrec<{ nested: Nested }>((tie) => ({
      nested: fc.oneof({ maxDepth: 4 }, fc.uuid(), fc.array(tie('nested'), { maxLength: 4 })),
    }))
    const tupleOf = (value: Nested): ResultTuple =>
      typeof value === 'string' ? taskTuple(value) : groupTuple('g', value.map(tupleOf))
    await fc.assert(
      fc.asyncProperty(fc.array(nested), async (header) => {
        const ids = header.flat(Infinity as 1) as string[]
        const values = await nestedValues(
          header.map(tupleOf),
          ids.map((id) => part(id)),
          nobody,
        )
        expect(values).toEqual(header)
      }),
    )
  })

  it('looks up what no part brought', async () => {
    const asked: unknown[] = []
    const lookUp = async (ids: readonly string[]): Promise<ChordPart[]> => {
      asked.push(ids)
      return ids.map((id) => part(id, `found ${id}`))
    }
    const header = [taskTuple('a'), groupTuple('g', [taskTuple('b'), taskTuple('c')])]
    expect(await nestedValues(header, [part('b')], lookUp)).toEqual(['found a', ['b', 'found c']])
    expect(asked).toEqual([['a', 'c']])
  })

  it('rejects with the error of the first part that failed', async () => {
    const header = [taskTuple('a'), groupTuple('g', [taskTuple('b')])]
    await expect(nestedValues(header, [part('a'), failed('b')], nobody)).rejects.toMatchObject({ name: 'ValueError' })
  })
})

describe('awaitParts', () => {
  const clock = fakeClock()
  const open = (): Promise<ResultBackend> => new MemoryBackendFactory().open('memory://', {}, backendContext())
  const store = (backend: ResultBackend, taskId: string, status: string): Promise<void> =>
    storeResult(backend, backend.encodeResult(encodeTaskMeta({ taskId, status, result: taskId }, 0)))

  it('waits until all have ended', async () => {
    const backend = await open()
    await store(backend, 'a', 'SUCCESS')
    await store(backend, 'b', 'STARTED')
    const parts = awaitParts(backend, ['a', 'b'], 1000, clock)
    await store(backend, 'b', 'SUCCESS')
    expect([...(await parts)].map(({ result }) => result).sort()).toEqual(['a', 'b'])
    expect(clock.pending).toBe(0)
  })

  it('gives up in time', async () => {
    const backend = await open()
    const waiting = expect(awaitParts(backend, ['a'], 1000, clock)).rejects.toThrow(TimeoutError)
    await clock.advance(1000)
    await waiting
  })
})

it('errorRepr shows an error as Python would', () => {
  expect(errorRepr(new TypeError('bad'))).toBe("TypeError('bad')")
})
