import { describe, expect, it } from 'vitest'
import { ReplyInbox } from '../../../../src/backend/rpc/inbox.ts'
import type { InboxOptions } from '../../../../src/backend/rpc/inbox.ts'
import { BackendGetMetaError } from '../../../../src/errors.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'

function fixture(options: Partial<InboxOptions> = {}): { inbox: ReplyInbox; clock: FakeClock; lines: string[] } {
  const clock = fakeClock()
  const lines: string[] = []
  const logger = createLogger({ level: 'WARNING', write: (record) => lines.push(record.message) })
  return { inbox: new ReplyInbox({ logger, clock, expiresMs: undefined, ...options }), clock, lines }
}

function meta(taskId: string, status: string = 'SUCCESS', result: unknown = null): TaskMeta {
  return { task_id: taskId, status, result, traceback: null, children: [], date_done: null }
}

const nothing = (): void => undefined

describe('documents', () => {
  it('are kept for whoever asks later, the newest of each task; a success stays', () => {
    const { inbox } = fixture()
    for (const status of ['STARTED', 'FAILURE', 'SUCCESS', 'STARTED']) inbox.put('a', meta('a', status))
    expect([inbox.read('a')?.status, inbox.read('b')]).toEqual(['SUCCESS', undefined])
    inbox.forget(['a', 'b'])
    expect(inbox.read('a')).toBeUndefined()
  })

  it('expire', async () => {
    const { inbox, clock } = fixture({ expiresMs: 1000 })
    inbox.put('a', meta('a'))
    await clock.advance(500)
    inbox.put('b', meta('b'))
    await clock.advance(500)
    expect([inbox.read('a'), inbox.read('b')?.status]).toEqual([undefined, 'SUCCESS'])
    expect(inbox.expire(clock.now())).toBe(1)
    await clock.advance(500)
    inbox.put('c', meta('c'))
    expect(inbox.expire(clock.now())).toBe(0)
  })

  it('that cannot be read say so to whoever asks', () => {
    const { inbox } = fixture()
    inbox.put('a', new BackendGetMetaError('unreadable', 'a'))
    expect(() => inbox.read('a')).toThrow('unreadable')
  })

  it('are bounded: the oldest go, which is logged once and told to whoever asks for them', () => {
    const { inbox, lines } = fixture({ maxSize: 2 })
    inbox.put('progress', meta('progress', 'STARTED'))
    for (const id of ['a', 'b', 'c', 'd']) inbox.put(id, meta(id))
    expect(['c', 'd'].map((id) => inbox.read(id)?.task_id)).toEqual(['c', 'd'])
    expect(() => inbox.read('a')).toThrow('dropped: more than 2 later ones')
    // What is still to end was not lost.
    expect(inbox.read('progress')).toBeUndefined()
    expect(lines).toHaveLength(1)
  })
})

describe('a task', () => {
  it('concerns it when it was called from here, or something came of it', () => {
    const { inbox } = fixture()
    inbox.expect(['called'])
    inbox.put('came', meta('came'))
    expect(['called', 'came', 'other'].map((id) => inbox.concerns(id))).toEqual([true, true, false])
  })

  it('may concern it once calls were forgotten', () => {
    const { inbox } = fixture({ maxSize: 2 })
    inbox.expect(['a', 'b'])
    expect(inbox.concerns('other')).toBe(false)
    inbox.expect(['c'])
    expect(inbox.concerns('other')).toBe(true)
  })
})

describe('watches', () => {
  it('tell of what is there and of what comes, until they are stopped', async () => {
    const { inbox } = fixture()
    const told: string[] = []
    inbox.put('a', meta('a'))
    const watch = inbox.watch(['a', 'b'], (document) => told.push(document.task_id), nothing)
    await Promise.resolve()
    expect(told).toEqual(['a'])
    inbox.put('b', meta('b'))
    await Promise.resolve()
    expect([told, inbox.isWatched]).toEqual([['a', 'b'], true])
    watch.stop()
    inbox.put('b', meta('b', 'FAILURE'))
    await Promise.resolve()
    expect([told, inbox.isWatched]).toEqual([['a', 'b'], false])
  })

  it('end with an error once, one or all', () => {
    const { inbox } = fixture()
    const errors: string[] = []
    const watches = ['a', 'b', 'c'].map((id) =>
      inbox.watch([id], nothing, (error) => errors.push(`${id}: ${error.message}`)),
    )
    inbox.end(watches[0]!, new Error('first'))
    inbox.end(watches[0]!, new Error('again'))
    inbox.endAll(new Error('closed'))
    expect([errors, inbox.isWatched]).toEqual([['a: first', 'b: closed', 'c: closed'], false])
  })
})
