import { expect, it } from 'vitest'
import { storeResult } from '../../../src/backend/storing.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import type { ChordRuntime } from '../../../src/canvas/chord-part.ts'
import { unlockChord } from '../../../src/canvas/chord-unlock.ts'
import { encodeException } from '../../../src/protocol/exception.ts'
import { encodeTaskMeta, groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHost } from '../../support/fake-host.ts'
import type { NotedCall } from '../../support/fake-host.ts'

const chord = signatureData({ task: 'sum', options: { task_id: 'body', root_id: 'root' } })
const UNLOCKER = { id: 'u1', rootId: 'u1', groupId: 'g1', groupIndex: undefined, chord, priority: undefined }
const HEADER = [taskTuple('t0'), groupTuple('g2', [taskTuple('t1'), taskTuple('t2')])]

interface Looked {
  readonly isOver: boolean
  readonly calls: readonly NotedCall[]
  readonly stored: readonly TaskMeta[]
}

/** Look once at these results. */
async function look(results: Readonly<Record<string, unknown>>): Promise<Looked> {
  const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext())
  for (const [taskId, value] of Object.entries(results)) {
    const failed = value instanceof Error
    const fields = { taskId, status: failed ? 'FAILURE' : 'SUCCESS', result: failed ? encodeException(value) : value }
    await storeResult(backend, backend.encodeResult(encodeTaskMeta(fields, 0)))
  }
  const { host, calls } = fakeHost()
  const stored: TaskMeta[] = []
  const runtime: ChordRuntime = {
    host: Object.assign(host, { backend: () => Promise.resolve(backend) }),
    clock: fakeClock(),
    logger: silentLogger(),
    store: (meta) => void stored.push(meta),
    signal: new AbortController().signal,
  }
  return { isOver: await unlockChord(runtime, UNLOCKER, HEADER), calls, stored }
}

it('is to look again while a result is missing', async () => {
  expect(await look({ t0: 1, t2: 3 })).toEqual({ isOver: false, calls: [], stored: [] })
  expect(await look({})).toMatchObject({ isOver: false })
})

it('sends the body with the values in the form of the header', async () => {
  const { isOver, calls } = await look({ t0: 1, t1: 2, t2: 3 })
  expect(isOver).toBe(true)
  expect(calls).toMatchObject([
    { name: 'sum', args: [[1, [2, 3]]], options: { taskId: 'body', parentId: 'u1', rootId: 'root' } },
  ])
})

it('fails the body with the first result that is a failure', async () => {
  const { isOver, calls, stored } = await look({ t0: 1, t1: new TypeError('x'), t2: new Error('y') })
  expect([isOver, calls]).toEqual([true, []])
  expect(stored).toMatchObject([
    { task_id: 'body', result: { exc_type: 'ChordError', exc_message: ["Dependency t1 raised TypeError('x')"] } },
  ])
})
