import { describe, expect, it } from 'vitest'
import { TaskRecord } from '../../../src/events/task-record.ts'
import { WorkerRecord } from '../../../src/events/worker-record.ts'
import type { EventFields } from '../../../src/protocol/event.ts'
import { eventGroup } from '../../../src/protocol/event.ts'
import { makeEvent } from '../../support/events.ts'

const tasks = new Map<string, TaskRecord>()

function newTask(): TaskRecord {
  return new TaskRecord('id', tasks)
}

/** Apply an event that was sent at `timestamp`. */
function tell<T extends string>(task: TaskRecord, type: T, fields: Omit<EventFields<T>, 'uuid'>, timestamp = 1): void {
  const event = makeEvent(type, { uuid: 'id', ...fields } as EventFields<T>, { timestamp, clock: timestamp })
  task.apply(type.slice(eventGroup(type).length + 1), timestamp, event)
}

describe('the state', () => {
  it.each([
    ['task-sent', 'PENDING', 'sent'],
    ['task-received', 'RECEIVED', 'received'],
    ['task-started', 'STARTED', 'started'],
    ['task-succeeded', 'SUCCESS', 'succeeded'],
    ['task-failed', 'FAILURE', 'failed'],
    ['task-retried', 'RETRY', 'retried'],
    ['task-revoked', 'REVOKED', 'revoked'],
    ['task-rejected', 'REJECTED', 'rejected'],
  ] as const)('after %s is %s', (type, state, property) => {
    const task = newTask()
    // From a retry every state follows.
    tell(task, 'task-retried', {}, 1)
    tell(task, type, {}, 2)
    expect([task.state, task[property], task.timestamp, task.clock]).toEqual([state, 2, 2, 2])
  })

  it('is the subject in capitals after an event of the user’s', () => {
    const task = newTask()
    tell(task, 'task-uploading', { percent: 5 })
    expect([task.state, task.extra, task.ready]).toEqual(['UPLOADING', { percent: 5 }, false])
  })

  it('does not go back for an event that comes late', () => {
    const task = newTask()
    tell(task, 'task-succeeded', { result: '4', runtime: 0.5 }, 5)
    tell(task, 'task-received', { name: 'add', args: '(2, 2)', retries: 0 }, 3)
    expect(task).toMatchObject({
      state: 'SUCCESS',
      ready: true,
      name: 'add',
      args: '(2, 2)',
      received: 3,
      timestamp: 5,
    })
    expect([task.clock, task.result]).toEqual([5, '4'])
  })

  it('begins anew with a retry', () => {
    const task = newTask()
    tell(task, 'task-failed', { exception: 'E()' }, 1)
    tell(task, 'task-retried', { exception: 'E()' }, 2)
    expect(task.state).toBe('RETRY')
    tell(task, 'task-received', {}, 3)
    expect(task.state).toBe('RECEIVED')
  })
})

describe('what is shown', () => {
  it('leaves out what is not known', () => {
    const task = newTask()
    tell(task, 'task-received', { name: 'add', args: '(2, 2)', kwargs: '{}', retries: 0, root_id: 'id', eta: null })
    expect(task.info()).toEqual({ args: '(2, 2)', kwargs: '{}', retries: 0, root_id: 'id' })
    expect(task.info(['name'], ['state', 'worker'])).toEqual({ name: 'add', state: 'RECEIVED' })
  })

  it('has Celery’s names in JSON', () => {
    const task = newTask()
    task.worker = new WorkerRecord('a@h', () => 1)
    tell(task, 'task-sent', { queue: 'q', exchange: 'e', routing_key: 'k', parent_id: 'p', root_id: 'r' })
    expect(JSON.parse(JSON.stringify(task))).toEqual({
      uuid: 'id',
      state: 'PENDING',
      sent: 1,
      worker: 'a@h',
      timestamp: 1,
      queue: 'q',
      exchange: 'e',
      routing_key: 'k',
      clock: 1,
      root: 'r',
      root_id: 'r',
      parent: 'p',
      parent_id: 'p',
      children: [],
    })
  })
})

describe('its family', () => {
  it('is found among the tasks that are remembered', () => {
    const parent = new TaskRecord('p', tasks)
    tasks.set('p', parent)
    const task = newTask()
    tell(task, 'task-received', { parent_id: 'p', root_id: 'gone' })
    parent.addChild(task)
    expect([task.parent, task.root, [...parent.children], [...task.children]]).toEqual([parent, undefined, [task], []])
    task.forget()
    expect([[...parent.children], task.ref.item]).toEqual([[], undefined])
  })
})

it('comes from its worker, or from its caller', () => {
  const task = newTask()
  expect(task.origin).toBeUndefined()
  task.client = 'gen1@h'
  expect(task.origin).toBe('gen1@h')
  task.worker = new WorkerRecord('a@h', () => 1)
  expect(task.origin).toBe('a@h.undefined')
})
