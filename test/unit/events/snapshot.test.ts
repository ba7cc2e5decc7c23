import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { Camera } from '../../../src/events/snapshot.ts'
import type { CameraOptions, Shutter } from '../../../src/events/snapshot.ts'
import { State } from '../../../src/events/state.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { makeEvent } from '../../support/events.ts'

function fixture(options: CameraOptions = {}, shutter?: Shutter) {
  const clock = fakeClock()
  const errors: unknown[] = []
  const logger = createLogger({ write: ({ fields }) => errors.push(fields?.error) })
  const state = new State({ clock })
  const pictures: number[] = []
  const camera = new Camera(state, shutter ?? (({ tasks }) => pictures.push(tasks.size)), options, { clock, logger })
  const tell = (type: 'task-started' | 'task-succeeded', uuid: string) => state.event(makeEvent(type, { uuid }))
  camera.start()
  return { camera, state, clock, pictures, errors, tell }
}

describe('pictures', () => {
  it('are taken at intervals, and a last one at the end', async () => {
    const { camera, clock, pictures, tell } = fixture({ freq: 2 })
    tell('task-started', 'a')
    await clock.advance(5000)
    expect(pictures).toEqual([1, 1])
    tell('task-started', 'b')
    await camera.stop()
    await camera.stop()
    await clock.advance(5000)
    expect([pictures, clock.pending]).toEqual([[1, 1, 2], 0])
  })

  it('are no more than the rate allows', async () => {
    const { clock, pictures } = fixture({ maxrate: '20/m' })
    await clock.advance(9000)
    expect(pictures).toHaveLength(3)
  })

  it('let everything wait that changes meanwhile', async () => {
    const developed = deferred<void>()
    const { clock, state, tell } = fixture({ clearAfter: true }, () => developed.promise)
    tell('task-succeeded', 'a')
    await clock.advance(1000)
    tell('task-started', 'b')
    expect([...state.tasks.keys()]).toEqual(['a'])
    developed.resolve()
    await clock.advance(0)
    expect([...state.tasks.keys()]).toEqual(['b'])
  })

  it('that fail are logged, and the next is taken', async () => {
    const wrong = new Error('wrong')
    const { clock, errors, state } = fixture({}, () => Promise.reject(wrong))
    await clock.advance(2000)
    expect(errors).toEqual([wrong, wrong])
    expect(state.event(makeEvent('task-started', { uuid: 'a' }))).toBeDefined()
  })
})

it('cleans up every hour', async () => {
  let cleanups = 0
  const { clock } = fixture({ freq: 600, onCleanup: () => (cleanups += 1) })
  await clock.advance(7_200_000)
  expect(cleanups).toBe(2)
})

it.each([{ freq: 0 }, { freq: NaN }, { maxrate: '10/d' }, { maxrate: 0 }, { cleanupFreq: -1, onCleanup: () => 0 }])(
  'refuses %j',
  (options) => {
    expect(() => fixture(options)).toThrow(ImproperlyConfigured)
  },
)
