import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { EarlyAcks } from '../../../src/worker/early-acks.ts'

const head = { id: 'id-1', retries: 0 }

/** Early acknowledgements that the test answers, all with one promise, as a channel does for those of one turn. */
function fixture() {
  const known = deferred<void>()
  const orphans: unknown[] = []
  const entered: unknown[] = []
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
    enter() {
      entered.push(this)
    },
  }
  return { acks, request, known, orphans, entered, acknowledged: () => acknowledged }
}

describe('early acknowledgements', () => {
  it('let a task start when its acknowledgement was written, and do not wait until it is known', async () => {
    const { acks, request, acknowledged, entered } = fixture()
    acks.send(request)
    expect(acknowledged()).toBe(1)
    await nextTurn()
    expect(entered).toEqual([])
    await nextTurn()
    await nextTurn()
    expect(entered).toEqual([request])
  })

  it('let it start at once where the broker has it already', async () => {
    const { acks, request, known, entered } = fixture()
    acks.send(request)
    known.resolve()
    await nextTurn()
    expect(entered).toEqual([request])
  })

  it('let it start where the connection is lost, and know it when it comes again', async () => {
    const { acks, request, known, orphans, entered } = fixture()
    const other = { ...request }
    acks.send(request)
    acks.send(other)
    known.reject(new Error('lost'))
    await nextTurn()
    expect([orphans, entered]).toEqual([
      [request, other],
      [request, other],
    ])
  })

  it('are those of another turn when the channel answers with another promise', async () => {
    const { acks, request, known, orphans, entered } = fixture()
    const later = { ...request, message: { ack: () => Promise.resolve() } }
    acks.send(request)
    acks.send(later)
    known.reject(new Error('lost'))
    await nextTurn()
    expect([orphans, entered.length]).toEqual([[request], 2])
  })

  it('let also those start that come with a promise that has been told', async () => {
    const { acks, request, known, entered } = fixture()
    known.resolve()
    for (let count = 1; count <= 2; count += 1) {
      acks.send(request)
      await nextTurn()
      expect(entered.length).toBe(count)
    }
  })
})
