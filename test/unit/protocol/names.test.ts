import { describe, expect, it } from 'vitest'
import {
  chordKey,
  eventQueue,
  groupKey,
  pidboxExchange,
  pidboxQueue,
  replyExchange,
  replyQueue,
  taskKey,
  workerDirectQueue,
} from '../../../src/protocol/names.ts'

describe('names', () => {
  it('of remote control are those of Python', () => {
    expect(pidboxExchange()).toBe('celery.pidbox')
    expect(replyExchange()).toBe('reply.celery.pidbox')
    expect(pidboxQueue('w1@host')).toBe('w1@host.celery.pidbox')
    expect(replyQueue('oid')).toBe('oid.reply.celery.pidbox')
    expect(pidboxQueue('w1@host', 'proj')).toBe('w1@host.proj.pidbox')
    expect(replyQueue('oid', 'proj')).toBe('oid.reply.proj.pidbox')
  })

  it('of events and direct queues are those of Python', () => {
    expect(eventQueue('uuid')).toBe('celeryev.uuid')
    expect(eventQueue('uuid', 'mine')).toBe('mine.uuid')
    expect(workerDirectQueue('w1@host')).toBe('w1@host.dq2')
  })

  it('of keys are those of Python', () => {
    expect(taskKey('id')).toBe('celery-task-meta-id')
    expect(groupKey('id')).toBe('celery-taskset-meta-id')
    expect(chordKey('id', 'j')).toBe('celery-taskset-meta-id.j')
  })
})
