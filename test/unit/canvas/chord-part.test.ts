import { describe, expect, it } from 'vitest'
import type { ChordStore, ResultBackend } from '../../../src/backend/backend.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { abandon, failBody, returnPart } from '../../../src/canvas/chord-part.ts'
import type { ChordRuntime, Part } from '../../../src/canvas/chord-part.ts'
import { chordError } from '../../../src/canvas/chord-values.ts'
import type { Host } from '../../../src/canvas/host.ts'
import { BackendError, ConnectionError, EncodeError } from '../../../src/errors.ts'
import type { ChordError } from '../../../src/errors.ts'
import { groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { SignatureData } from '../../../src/protocol/signature.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { bringPart } from '../../support/chord-parts.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { fakeHost } from '../../support/fake-host.ts'
import type { FakeHost } from '../../support/fake-host.ts'

const BODY = signatureData({ task: 'sum', options: { task_id: 'body', root_id: 'root', group_id: 'g1' } })
const part = (id: string, groupIndex: number, chord: SignatureData = BODY): Part => ({
  id,
  rootId: 'r',
  groupId: 'g1',
  groupIndex,
  chord,
  priority: undefined,
})
const done = (result: unknown): { status: string; result: unknown } => ({ status: 'SUCCESS', result })
const FAILED = { status: 'FAILURE', result: { exc_type: 'ValueError', exc_message: ['x'], exc_module: 'builtins' } }

interface Chord extends FakeHost {
  readonly runtime: ChordRuntime
  readonly backend: ResultBackend
  readonly chords: ChordStore
  readonly stored: TaskMeta[]
  readonly logged: string[]
  readonly revoked: string[]
  readonly clock: FakeClock
  readonly abort: AbortController
}

/** A chord of so many parts in a store of this process. */
async function chordOf(size: number, over: Partial<Host> = {}): Promise<Chord> {
  const clock = fakeClock()
  const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext({ clock }))
  const chords = backend.chords as ChordStore
  await chords.setChordSize('g1', size)
  const fake = fakeHost()
  const [stored, logged, revoked]: [TaskMeta[], string[], string[]] = [[], [], []]
  const abort = new AbortController()
  let ids = 0
  const host: Host = {
    ...fake.host,
    backend: async () => backend,
    newId: () => `claim-${String((ids += 1))}`,
    revoke: async (taskIds) => void revoked.push(...taskIds),
    ...over,
  }
  const runtime: ChordRuntime = {
    host,
    clock,
    logger: createLogger({ level: 'DEBUG', write: ({ message }) => logged.push(message) }),
    store: (meta) => void stored.push(meta),
    signal: abort.signal,
  }
  return { ...fake, host, runtime, backend, chords, stored, logged, revoked, clock, abort }
}

describe('returnPart', () => {
  it('sends the body with the values of all, and closes the chord', async () => {
    const { runtime, calls, chords } = await chordOf(2)
    await returnPart(runtime, part('t1', 1), done(11))
    expect(calls).toEqual([])
    await returnPart(runtime, part('t0', 0), done(10))
    expect(calls).toEqual([
      {
        name: 'sum',
        args: [[10, 11]],
        options: { taskId: 'body', groupId: 'g1', rootId: 'root', parentId: 't0', kwargs: {} },
      },
    ])
    await returnPart(runtime, part('t0', 0), done(10))
    expect(calls).toHaveLength(1)
    const again = { ...done(1), groupId: 'g1', index: 0, taskId: 't0', claim: 'x' }
    expect(await bringPart(chords, again)).toEqual({ kind: 'counted' })
  })

  it('passes on what the body inherits, and only what it has not said itself', async () => {
    const { runtime, calls } = await chordOf(1)
    const body = signatureData({ task: 'sum', args: [7], immutable: true })
    await returnPart(runtime, { ...part('t0', 0, body), priority: 3 }, done(1))
    expect(calls).toMatchObject([{ args: [7], options: { priority: 3, rootId: 'r' } }])
  })

  it('nests the values as the header was', async () => {
    const { runtime, backend, calls } = await chordOf(2)
    await backend.saveGroup('g1', { result: groupTuple('g1', [groupTuple('g2', [taskTuple('t0')]), taskTuple('t1')]) })
    await returnPart(runtime, part('t0', 0), done(1))
    await returnPart(runtime, part('t1', 1), done(2))
    expect(calls[0]?.args).toEqual([[[1], 2]])
  })

  it('fails the body with the first part that failed, and calls its errbacks', async () => {
    const { runtime, calls, stored, errbacks, chords } = await chordOf(2)
    const seen: unknown[] = []
    errbacks.set('proj.here', (request, error) => seen.push([(request as { id: string }).id, (error as Error).message]))
    const link_error = [signatureData({ task: 'proj.here' }), signatureData({ task: 'proj.there' })]
    const body = signatureData({ ...BODY, options: { ...BODY.options, link_error } })
    await returnPart(runtime, part('t0', 0, body), FAILED)
    expect(stored).toEqual([])
    await returnPart(runtime, part('t1', 1, body), done(1))
    expect(stored).toMatchObject([
      {
        task_id: 'body',
        status: 'FAILURE',
        result: { exc_type: 'ChordError', exc_message: ["Dependency t0 raised ValueError('x')"] },
      },
    ])
    expect(seen).toEqual([['body', "Dependency t0 raised ValueError('x')"]])
    expect(calls).toMatchObject([{ name: 'proj.there', args: ['body'] }])
    const again = { ...done(1), groupId: 'g1', index: 0, taskId: 't0', claim: 'x' }
    expect(await bringPart(chords, again)).toEqual({ kind: 'counted' })
  })

  it('says Join error where a header with groups in it cannot be gathered', async () => {
    const { runtime, backend, stored, clock } = await chordOf(1)
    await backend.saveGroup('g1', {
      result: groupTuple('g1', [groupTuple('g2', [taskTuple('t0'), taskTuple('lost')])]),
    })
    const returning = returnPart(runtime, part('t0', 0), done(1))
    while (clock.pending === 0) await clock.advance(0)
    await clock.advance(3000)
    await returning
    expect(stored[0]?.result).toMatchObject({ exc_message: ["Join error: TimeoutError('The operation timed out.')"] })
  })

  it('fails the body where it can never be sent', async () => {
    const { runtime, stored } = await chordOf(1, { call: () => Promise.reject(new TypeError('no form')) })
    await returnPart(runtime, part('t0', 0), done(1))
    expect(stored[0]?.result).toMatchObject({ exc_message: ["Callback error: TypeError('no form')"] })
  })

  it('tries again while broker or store are away, and closes what was sent without sending it again', async () => {
    const fake = fakeHost()
    let failures = 2
    const { runtime, clock, chords, backend } = await chordOf(1, {
      call: (...call) => (--failures >= 0 ? Promise.reject(new ConnectionError('away')) : fake.host.call(...call)),
    })
    const close = chords.closeChords.bind(chords)
    let refusals = 2
    const closing = (groupIds: readonly string[]): Promise<void> => {
      const cause = new ConnectionError('gone')
      return --refusals >= 0 ? Promise.reject(new BackendError('gone', { cause })) : close(groupIds)
    }
    Object.assign(backend.chords as ChordStore, { closeChords: closing })
    const returning = returnPart(runtime, part('t0', 0), done(1))
    for (let turn = 0; turn < 20; turn += 1) await clock.advance(1000)
    await returning
    expect(fake.calls).toHaveLength(1)
    expect(refusals).toBe(-1)
  })

  it('gives up when it is told to', async () => {
    const { runtime, abort, clock } = await chordOf(1, { call: () => Promise.reject(new ConnectionError('away')) })
    const returning = expect(returnPart(runtime, part('t0', 0), done(1))).rejects.toThrow('away')
    await clock.advance(0)
    abort.abort()
    await returning
  })

  it('waits for whoever has the claim, and sends the body where that one has died', async () => {
    const { runtime, chords, calls, clock } = await chordOf(1)
    await bringPart(chords, { ...done(1), groupId: 'g1', index: 0, taskId: 't0', claim: 'of one who died' })
    const returning = returnPart(runtime, part('t0', 0), done(1))
    while (clock.pending === 0) await clock.advance(0)
    expect(calls).toEqual([])
    await clock.advance(10_000)
    await returning
    expect(calls).toHaveLength(1)
  })

  it('waits for whoever has the claim, and does nothing where that one has sent it', async () => {
    const { runtime, chords, calls, clock } = await chordOf(1)
    await bringPart(chords, { ...done(1), groupId: 'g1', index: 0, taskId: 't0', claim: 'of one who lives' })
    const returning = returnPart(runtime, part('t0', 0), done(1))
    while (clock.pending === 0) await clock.advance(0)
    await chords.closeChords(['g1'])
    await clock.advance(10_000)
    await returning
    expect(calls).toEqual([])
  })

  it('refuses a value that has no form', async () => {
    const { runtime, calls } = await chordOf(1)
    await expect(returnPart(runtime, part('t0', 0), done(Symbol('none')))).rejects.toThrow(EncodeError)
    expect(calls).toEqual([])
  })

  it('leaves it to celery.chord_unlock where the backend does not count', async () => {
    const { runtime, calls } = await chordOf(1, { backend: async () => ({ features: {} }) as ResultBackend })
    await returnPart(runtime, part('t0', 0), done(1))
    expect(calls).toEqual([])
  })
})

describe('abandon', () => {
  it('fails all tasks that will never run, and counts those that are parts', async () => {
    const { runtime, stored } = await chordOf(1)
    const inChord = signatureData({
      task: 'proj.add',
      options: { task_id: 't2', group_id: 'g1', group_index: 0, chord: BODY },
    })
    const chain = [
      inChord,
      signatureData({ task: 'proj.add', options: { task_id: 't1' } }),
      signatureData({ task: 'x' }),
    ]
    await abandon(runtime, chain, new TypeError('bad'), 'text')
    expect(stored.map(({ task_id: id, status }) => [id, status])).toEqual([
      ['t2', 'FAILURE'],
      ['t1', 'FAILURE'],
      ['body', 'FAILURE'],
    ])
    expect(stored[2]?.result).toMatchObject({ exc_message: ["Dependency t2 raised TypeError('bad')"] })
  })
})

describe('failBody', () => {
  const error: ChordError = chordError('Dependency t0 raised ...', new TypeError('bad'))
  const task = (id: string): SignatureData => signatureData({ task: 'proj.add', options: { task_id: id } })

  it('revokes and fails each member of a group with the error itself', async () => {
    const { runtime, stored, revoked, calls } = await chordOf(1)
    const link_error = [signatureData({ task: 'proj.there' })]
    const kwargs = { tasks: [task('m1'), task('m2')] }
    const body = signatureData({
      task: 'celery.group',
      subtask_type: 'group',
      kwargs,
      options: { task_id: 'g2', link_error },
    })
    await failBody(runtime, body, error)
    expect(revoked).toEqual(['m1', 'm2'])
    expect(calls.map(({ args }) => args)).toEqual([['m1'], ['m2']])
    expect(stored.map(({ task_id: id }) => id).sort()).toEqual(['g2', 'm1', 'm2'])
    for (const { result } of stored) expect(result).toMatchObject({ exc_type: 'TypeError' })
  })

  it('fails all of a chain with the error of the chord, and calls the errbacks once', async () => {
    const { runtime, stored, calls } = await chordOf(1)
    const link_error = [signatureData({ task: 'proj.there' })]
    const kwargs = { tasks: [task('c1'), task('c2')] }
    await failBody(
      runtime,
      signatureData({ task: 'celery.chain', subtask_type: 'chain', kwargs, options: { link_error } }),
      error,
    )
    expect(calls.map(({ args }) => args)).toEqual([['c2']])
    expect(stored.map(({ task_id: id }) => id)).toEqual(['c1', 'c2'])
    for (const { result } of stored) expect(result).toMatchObject({ exc_type: 'ChordError' })
  })

  it('fails what comes after the chord, which may be a part of another one', async () => {
    const { runtime, stored } = await chordOf(1)
    const last = signatureData({
      task: 'proj.add',
      options: { task_id: 'last', group_id: 'g1', group_index: 0, chord: BODY },
    })
    const chain = [last, task('next')]
    await failBody(runtime, signatureData({ task: 'proj.add', options: { task_id: 'inner', chain } }), error)
    expect(stored.map(({ task_id: id }) => id)).toEqual(['inner', 'last', 'next', 'body'])
  })
})
