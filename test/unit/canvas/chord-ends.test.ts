import { describe, expect, it, onTestFinished } from 'vitest'
import { CHORD_CLAIM_MS } from '../../../src/backend/backend.ts'
import type { ChordStore, ReturningPart } from '../../../src/backend/backend.ts'
import { Celery } from '../../../src/celery.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { ChordEnds } from '../../../src/canvas/chord-ends.ts'
import type { ChordEnd } from '../../../src/canvas/chord-ends.ts'
import { settleChord } from '../../../src/canvas/chord-part.ts'
import type { Host, PlannedCall } from '../../../src/canvas/host.ts'
import { BackendError, ConnectionError } from '../../../src/errors.ts'
import { groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { SignatureFields } from '../../../src/protocol/signature.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { query, temporaryFile } from '../../support/sqlite.ts'
import { waitFor } from '../../support/wait-for.ts'
import { fakeHost } from '../../support/fake-host.ts'

interface Place {
  readonly ends: ChordEnds
  readonly chords: ChordStore
  readonly sent: (readonly PlannedCall[])[]
  readonly closed: (readonly string[])[]
  readonly clock: FakeClock
  /** The end of a chord of one part, which was counted. */
  complete(groupId: string, body?: Partial<SignatureFields>, status?: string): Promise<ChordEnd>
}

async function place(over: Partial<Host> = {}): Promise<Place> {
  const clock = fakeClock()
  const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext({ clock }))
  await backend.saveGroup('nested', { result: groupTuple('nested', [groupTuple('g', [taskTuple('t')])]) })
  const chords = backend.chords as ChordStore
  const [sent, closed]: [(readonly PlannedCall[])[], (readonly string[])[]] = [[], []]
  const close = chords.closeChords.bind(chords)
  Object.assign(chords, {
    closeChords: (groupIds: readonly string[]) => {
      closed.push(groupIds)
      return close(groupIds)
    },
  })
  const host: Host = { ...fakeHost().host, callMany: async (calls) => void sent.push(calls), ...over }
  const signal = new AbortController().signal
  const ends = new ChordEnds({ host, chords, clock, logger: silentLogger(), signal })
  return {
    ends,
    chords,
    sent,
    closed,
    clock,
    complete: async (groupId, body = {}, status = 'SUCCESS') => {
      await chords.setChordSize(groupId, 1)
      const value = status === 'SUCCESS' ? groupId : { exc_type: 'E', exc_message: ['x'], exc_module: 'm' }
      const encoded = chords.encodePart({ taskId: 't', status, result: value })
      const returned: ReturningPart = { taskId: 't', groupId, index: 0, body: encoded, claim: 'c', progress: undefined }
      await chords.returnPart(returned)
      const chord = signatureData({ task: 'sum', options: { task_id: `body of ${groupId}` }, ...body })
      const part = { id: 't', rootId: 'r', groupId, groupIndex: 0, chord, priority: undefined }
      return { part, returned, isOver: false }
    },
  }
}

describe('ChordEnds', () => {
  it('sends the bodies of one turn in one go, and closes their chords in one go', async () => {
    const { ends, sent, closed, complete } = await place()
    const [one, two] = [await complete('g1'), await complete('g2')]
    await Promise.all([ends.add(one), ends.add(two)])
    expect(sent).toHaveLength(1)
    expect(sent[0]).toEqual([
      { name: 'sum', args: [['g1']], options: { taskId: 'body of g1', parentId: 't', rootId: 'r', kwargs: {} } },
      { name: 'sum', args: [['g2']], options: { taskId: 'body of g2', parentId: 't', rootId: 'r', kwargs: {} } },
    ])
    expect(closed).toEqual([['g1', 'g2']])
    expect([one.isOver, two.isOver]).toEqual([true, true])
  })

  it('leaves alone what needs more than one call, and holds up nothing for it', async () => {
    const { ends, sent, complete, chords } = await place()
    const group = await complete('g1', { task: 'celery.group', subtask_type: 'group' })
    const failed = await complete('g2', {}, 'FAILURE')
    const nested = await complete('nested')
    const plain = await complete('g3')
    const again: ReturningPart = { ...plain.returned, claim: 'of another', progress: undefined }
    await chords.returnPart(again)
    const claimed = { ...plain, returned: again }
    const all = [group, failed, nested, claimed, plain]
    await Promise.all(all.map((end) => ends.add(end)))
    expect(all.map(({ isOver }) => isOver)).toEqual([false, false, false, false, true])
    expect(sent.flat().map(({ args }) => args)).toEqual([[['g3']]])
  })

  it('closes nothing where the bodies did not leave', async () => {
    const { ends, closed, complete } = await place({ callMany: () => Promise.reject(new ConnectionError('away')) })
    const end = await complete('g1')
    await ends.add(end)
    expect([end.isOver, closed]).toEqual([false, []])
  })

  it('closes what was sent for as long as it takes', async () => {
    const { ends, chords, clock, sent, complete } = await place()
    const end = await complete('g1')
    const close = chords.closeChords.bind(chords)
    let refusals = 2
    Object.assign(chords, {
      closeChords: (groupIds: readonly string[]) => {
        const cause = new ConnectionError('gone')
        return --refusals >= 0 ? Promise.reject(new BackendError('gone', { cause })) : close(groupIds)
      },
    })
    const adding = ends.add(end)
    for (let turn = 0; turn < 20; turn += 1) await clock.advance(1000)
    await adding
    expect([end.isOver, sent.length, refusals]).toEqual([true, 1, -1])
  })
})

describe('a body in the file of its chord', () => {
  interface FileOfChords {
    readonly app: Celery
    readonly chords: ChordStore
    readonly count: (table: string) => unknown
    /** The end of a chord of one part, counted for whoever has this claim. */
    complete(claim: string): Promise<ChordEnd>
  }

  async function openFile(clock: FakeClock): Promise<FileOfChords> {
    const file = temporaryFile()
    const url = `sqlite:///${file}`
    const app = new Celery('proj', { broker: url, backend: url, clock, logger: silentLogger() })
    onTestFinished(() => app.close())
    const { chords } = await app.backend()
    if (chords === undefined) expect.fail('it counts')
    const chord = signatureData({ task: 'proj.sum', options: { task_id: 'body' } })
    const complete = async (claim: string): Promise<ChordEnd> => {
      const body = chords.encodePart({ taskId: 't', status: 'SUCCESS', result: 1 })
      const returned: ReturningPart = { taskId: 't', groupId: 'g', index: 0, body, claim, progress: undefined }
      await chords.returnPart(returned)
      const part = { id: 't', rootId: 'r', groupId: 'g', groupIndex: 0, chord, priority: undefined }
      return { part, returned, isOver: false }
    }
    return { app, chords, complete, count: (table) => query(file, `SELECT count(*) AS n FROM ${table}`)[0]?.['n'] }
  }

  it.each(['together', 'alone'])(
    'is sent once, although its sender died before the chord was closed (%s)',
    async (how) => {
      const clock = fakeClock()
      const { app, chords, complete, count } = await openFile(clock)
      const common = { host: app, clock, logger: silentLogger(), signal: new AbortController().signal }
      await chords.setChordSize('g', 1)
      let died = false
      const closeChords = (): Promise<void> => {
        died = true
        return new Promise(() => undefined)
      }
      void new ChordEnds({ ...common, chords: { closeChords } as unknown as ChordStore }).add(await complete('doomed'))
      await waitFor(() => died)
      expect([count('celeriac_message'), count('celeriac_mark')]).toEqual([1, 1])
      await clock.advance(CHORD_CLAIM_MS)
      const end = await complete('next')
      if (how === 'together') await new ChordEnds({ ...common, chords }).add(end)
      else await settleChord({ ...common, store: () => undefined }, end.part, end.returned)
      expect([count('celeriac_message'), count('celeriac_mark')]).toEqual([1, 0])
      expect((await complete('late')).returned.progress).toEqual({ kind: 'counted' })
    },
  )

  it('is sent once more where the work-flow is', async () => {
    const clock = fakeClock()
    const { app, chords, complete, count } = await openFile(clock)
    const signal = new AbortController().signal
    const ends = new ChordEnds({ host: app, chords, clock, logger: silentLogger(), signal })
    for (const sent of [1, 2]) {
      await chords.setChordSize('g', 1)
      await ends.add(await complete(String(sent)))
      expect([count('celeriac_message'), count('celeriac_mark')]).toEqual([sent, 0])
    }
  })
})
