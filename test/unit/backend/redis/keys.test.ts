import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { replyAddress, ResultKeys } from '../../../../src/backend/redis/keys.ts'

it('names keys as Celery does', () => {
  const recorded = JSON.stringify(JSON.parse(readFileSync('test/wire/redis-results.json', 'utf8')))
  const keys = new ResultKeys('')
  const taskKey = /celery-task-meta-[\w-]+/.exec(recorded)?.[0] ?? ''
  expect(keys.task(keys.taskId(taskKey))).toBe(taskKey)
  expect([keys.task('t1'), keys.group('g1')]).toEqual(['celery-task-meta-t1', 'celery-taskset-meta-g1'])
  expect(keys.chord('g1', false)).toEqual({
    parts: 'celery-taskset-meta-g1.j',
    size: 'celery-taskset-meta-g1.s',
    added: 'celery-taskset-meta-g1.t',
    claim: 'celery-taskset-meta-g1.c',
    opened: 'celery-taskset-meta-g1.o',
    saved: 'celery-taskset-meta-g1',
  })
  expect(keys.chord('g1', true)).toMatchObject({ parts: 'celery-taskset-meta-{g1}.j' })
})

it.each([
  ['app', 'app_celery-task-meta-t1'],
  ['app:', 'app:celery-task-meta-t1'],
  ['app-', 'app-celery-task-meta-t1'],
  ['app.', 'app.celery-task-meta-t1'],
  ['app_', 'app_celery-task-meta-t1'],
])('puts the prefix %s before them', (prefix, key) => {
  const keys = new ResultKeys(prefix)
  expect(keys.task('t1')).toBe(key)
  expect(keys.taskId(key)).toBe('t1')
})

it('tells the reply channel of a caller who listens from what others say', () => {
  const address = replyAddress('0198f1c2-app')
  expect(address).toBe('celeriac.reply.0198f1c2-app')
  expect(new ResultKeys('').reply(address)).toBe(address)
  expect(new ResultKeys('app').reply(address)).toBe(`app_${address}`)
  for (const other of ['0198f1c2-app', '', undefined]) expect(new ResultKeys('').reply(other)).toBeUndefined()
})
