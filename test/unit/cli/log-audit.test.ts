import { describe, expect, it } from 'vitest'
import { LogAudit, readEntry } from '../../../src/cli/log-audit.ts'

describe('readEntry', () => {
  it.each([
    ['Task proj.add[id-1] received', 'received'],
    ['Task proj.add[id-1] received, held until 2026-11-21T10:00:00.000Z', 'received'],
    ['Received task: proj.add[id-1]  ETA:[2026-11-21]', 'received'],
    ["Task proj.add[id-1] succeeded in 0.01s: 'x'", 'succeeded'],
    ['Task proj.add[id-1] retry: Retry in 3s', 'retried'],
    ['Task proj.add[id-1] ignored', 'ignored'],
    ["Task proj.add[id-1] raised unexpected: KeyError('a')", 'failed'],
    ["Task proj.add[id-1] raised expected: KeyError('a')", 'failed'],
    ['Task proj.add[id-1] rejected: no', 'failed'],
    ['Task proj.add[id-1] lost its process: gone', 'failed'],
    ['Discarding revoked task: proj.add[id-1]', 'failed'],
    ['Discarding expired task: proj.add[id-1]', 'failed'],
    ['Hard time limit (3s) exceeded for proj.add[id-1]', 'failed'],
    ['Terminated proj.add[id-1] with SIGTERM', 'failed'],
  ])('%s', (message, kind) => {
    expect(readEntry({ message })).toEqual({ kind, task: { name: 'proj.add', id: 'id-1' } })
  })

  it.each(['celery@here ready.', 'Task accepted: proj.add[id-1] pid:1', 'proj.add[id-1]: said by the task itself'])(
    '%s: is about no task',
    (message) => {
      expect(readEntry({ message })).toEqual({ kind: 'other' })
    },
  )
})

describe('LogAudit', () => {
  const audit = (...messages: readonly string[]): LogAudit => {
    const it = new LogAudit()
    for (const message of messages) it.add(readEntry({ message }))
    return it
  }

  it('counts outcomes and names, the most frequent first', () => {
    const report = audit(
      'Task b[1] received',
      'Task a[2] received',
      'Task a[3] received',
      'Task a[4] received',
      'Task b[1] succeeded in 1s: 1',
      'Task a[2] raised unexpected: x',
      'Task a[3] ignored',
    ).report()
    expect(report).toEqual({
      total: 4,
      errors: 1,
      succeeded: 1,
      completed: 3,
      retries: 0,
      types: { a: 3, b: 1 },
    })
    expect(Object.keys(report.types)).toEqual(['a', 'b'])
  })

  it('takes attempts for one task, which is done when the last one is', () => {
    const attempts = ['Task a[1] received', 'Task a[1] retry: x', 'Task a[1] received', 'Task a[1] retry: x']
    expect(audit(...attempts).incomplete()).toEqual([{ id: '1', name: 'a' }])
    const done = audit(...attempts, 'Task a[1] received', 'Task a[1] succeeded in 1s: 1')
    expect(done.incomplete()).toEqual([])
    expect(done.report()).toMatchObject({ total: 1, retries: 2, completed: 1 })
  })

  it('counts tasks whose beginning is in another file', () => {
    expect(audit('Task a[1] succeeded in 1s: 1').report()).toMatchObject({ total: 1, succeeded: 1, types: { a: 1 } })
  })
})
