/** Work-flows over a place that notes what is sent: tasks by name, and the calls in short. */
import type { ResultBackend } from '../../src/backend/backend.ts'
import type { AnySignature, SetOptions } from '../../src/canvas/signature.ts'
import { createSignature } from '../../src/canvas/signature.ts'
import { dataOf } from '../../src/canvas/options.ts'
import type { SignatureLike } from '../../src/canvas/options.ts'
import type { GroupMeta, ResultTuple } from '../../src/protocol/result.ts'
import type { SignatureData } from '../../src/protocol/signature.ts'
import { fakeHost } from './fake-host.ts'
import type { FakeHost } from './fake-host.ts'

/** A place with a way to make signatures. */
export interface CanvasPlace extends FakeHost {
  /** A signature of the task with this name. */
  s(name: string, args?: readonly unknown[], options?: SetOptions): AnySignature
  /** The names of the tasks that were sent, and their arguments. */
  sent(): [string, readonly unknown[]][]
  /** What the backend was told: how many parts chords have, which groups were saved. */
  readonly chords: [groupId: string, size: number][]
  readonly saved: ResultTuple[]
}

/** A new place. */
export function canvasPlace(): CanvasPlace {
  const place = fakeHost()
  const chords: CanvasPlace['chords'] = []
  const saved: ResultTuple[] = []
  const backend = {
    chords: {
      setChordSize: (groupId: string, size: number) => {
        chords.push([groupId, size])
        return Promise.resolve()
      },
    },
    saveGroup: (_: string, { result }: GroupMeta) => {
      saved.push(result)
      return Promise.resolve()
    },
  }
  place.host.backend = () => Promise.resolve(backend as unknown as ResultBackend)
  return {
    ...place,
    chords,
    saved,
    s: (name, args = [], options = {}) => createSignature(place.host, name, args, options) as AnySignature,
    sent: () => place.calls.map(({ name, args }) => [name, args]),
  }
}

/** A work-flow in short: `[a b]` is a chain, `(a b)` a group, `{a b}->c` a chord. */
export function shapeOf(signature: SignatureLike): string {
  const { task, kwargs, subtask_type: type } = dataOf(signature)
  const list = (value: unknown): string => (value as SignatureData[]).map(shapeOf).join(' ')
  if (type === 'chain') return `[${list(kwargs['tasks'])}]`
  if (type === 'group') return `(${list(kwargs['tasks'])})`
  if (type !== 'chord') return task
  const header = kwargs['header'] as SignatureData | SignatureData[]
  const tasks = Array.isArray(header) ? header : header.kwargs['tasks']
  return `{${list(tasks)}}->${shapeOf(kwargs['body'] as SignatureData)}`
}
