import { describe, expect, it } from 'vitest'
import {
  applyEdits,
  changedLines,
  formatDiff,
  toCamelCase,
  toPrefixedCapitals,
  toSnakeCase,
} from '../../../src/cli/setting-edits.ts'

describe('the names of today', () => {
  it.each([
    ['CELERYD_CONCURRENCY', 'workerConcurrency', 'worker_concurrency', 'CELERY_WORKER_CONCURRENCY'],
    ['BROKER_URL', 'brokerUrl', 'broker_url', 'CELERY_BROKER_URL'],
    ['CELERY_RESULT_DBURI', 'databaseUrl', 'database_url', 'CELERY_DATABASE_URL'],
    ['CELERY_TASK_SERIALIZER', 'taskSerializer', 'task_serializer', undefined],
    ['task_serializer', 'taskSerializer', undefined, undefined],
    ['taskSerializer', undefined, undefined, undefined],
    ['timezone', undefined, undefined, undefined],
    ['TIME_ZONE', undefined, undefined, undefined],
    ['DEBUG', undefined, undefined, undefined],
  ])('%s', (name, camel, snake, capitals) => {
    expect([toCamelCase(name), toSnakeCase(name), toPrefixedCapitals(name)]).toEqual([camel, snake, capitals])
  })
})

describe('edits', () => {
  it('are applied from left to right', () => {
    const edits = [
      { start: 0, end: 1, text: 'xyz' },
      { start: 3, end: 4, text: '' },
    ]
    expect(applyEdits('abcdef', edits)).toBe('xyzbcef')
    expect(applyEdits('abc', [])).toBe('abc')
  })

  it('are shown as a diff', () => {
    const lines = changedLines('one\ntwo\r\nthree', 'one\n2\r\nthree')
    expect(lines).toEqual([{ line: 2, before: 'two\r', after: '2\r' }])
    expect(formatDiff('f.py', [{ line: 2, before: 'two', after: '2' }])).toBe(
      '--- f.py\n+++ f.py\n@@ -2 +2 @@\n-two\n+2',
    )
  })
})
