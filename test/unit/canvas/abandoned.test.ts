import { expect, it } from 'vitest'
import { failureMeta, tasksOf } from '../../../src/canvas/abandoned.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { SignatureData } from '../../../src/protocol/signature.ts'

class Flaky extends Error {
  static readonly excModule = 'proj.errors'
}

const task = (id: string): SignatureData => signatureData({ task: 'proj.add', options: { task_id: id } })
const flow = (type: string, kwargs: Record<string, unknown>): SignatureData =>
  signatureData({ task: `celery.${type}`, subtask_type: type, kwargs })
const idsOf = (signatures: readonly SignatureData[]): unknown[] =>
  tasksOf(signatures).map(({ options }) => options.task_id)

it('finds the tasks that somebody may wait for, in their order', () => {
  const inner = flow('chord', {
    header: [task('h1'), task('h2')],
    body: flow('chain', { tasks: [task('b'), task('c')] }),
  })
  const outer = flow('group', { tasks: [task('a'), inner, task('d')] })
  expect(idsOf([outer, task('e')])).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(idsOf([])).toEqual([])
})

it('takes what is not there for nothing', () => {
  expect(idsOf([flow('chain', {}), flow('group', { tasks: 'none' }), flow('chord', { body: null })])).toEqual([])
  expect(idsOf([flow('chain', { tasks: [1, task('a')] })])).toEqual(['a'])
})

it('goes as deep as a work-flow may be', () => {
  let deep = task('a')
  for (let level = 0; level < 20_000; level += 1) deep = flow('chain', { tasks: [deep] })
  expect(idsOf([deep])).toEqual(['a'])
})

it('failureMeta is the document of a task that never ran here', () => {
  expect(failureMeta('id-1', new Flaky('x'), undefined, Date.UTC(2026, 0, 1))).toMatchObject({
    task_id: 'id-1',
    status: 'FAILURE',
    result: { exc_type: 'Flaky', exc_message: ['x'], exc_module: 'proj.errors' },
    traceback: null,
    date_done: '2026-01-01T00:00:00+00:00',
  })
})
