import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { EarlyAcks } from '../../../src/worker/early-acks.ts'

const head = { id: 'id-1', retries: 0 }

/** Early acknowledgements that the test answers, all with one promise, as a channel does for those of one turn. */
function fixture() {
  const known = deferred<void>()
  const orphans: unknown[] = []
  const acks = new EarlyAcks({ add: (request: object) => orphans.push(request) })
  let acknowledged = 0
  const request = {
    head,
    message: {
      ack: () => {
        acknowledged += 1
        return known.promise
      },
    },
  }
  return { acks, request, known, orphans, acknowledged: () => acknowledged }
}

/** Whether a promise has resolved. */
function watch(promise: Promise<void>): { done: boolean } {
  const state = { done: false }
  void promise.then(() => {
    state.done = true
  })
  return state
}

describe('early acknowledgements', () => {
  it('let a task start when its acknowledgement was written, and do not wait until it is known', async () => {
    const { acks, request, acknowledged } = fixture()
    const start = watch(acks.send(request))
    expect(acknowledged()).toBe(1)
    await nextTurn()
    expect(start.done).toBe(false)
    await nextTurn()
    await nextTurn()
    expect(start.done).toBe(true)
  })

  it('let it start at once where the broker has it already', async () => {
    const { acks, request, known } = fixture()
    const start = watch(acks.send(request))
    known.resolve()
    await nextTurn()
    expect(start.done).toBe(true)
  })

  it('let it start where the connection is lost, and know it when it comes again', async () => {
    const { acks, request, known, orphans } = fixture()
    const other = { ...request }
    const starts = [acks.send(request), acks.send(other)]
    known.reject(new Error('lost'))
    await Promise.all(starts)
    expect(orphans).toEqual([request, other])
  })

  it('are those of another turn when the channel answers with another promise', async () => {
    const { acks, request, known, orphans } = fixture()
    const later = { head, message: { ack: () => Promise.resolve() } }
    const starts = [acks.send(request), acks.send(later)]
    known.reject(new Error('lost'))
    await Promise.all(starts)
    expect(orphans).toEqual([request])
  })
})
