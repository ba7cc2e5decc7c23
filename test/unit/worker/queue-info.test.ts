import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createQueue } from '../../../src/messaging/queue.ts'
import { encodeQueueInfo } from '../../../src/worker/queue-info.ts'
import { ROOT } from '../../support/sources.ts'

it('tells of a queue as Celery does', () => {
  const recorded = JSON.parse(readFileSync(join(ROOT, 'test/wire/redis-pidbox.json'), 'utf8')) as {
    name: string
    replies: Record<string, unknown[]>[]
  }[]
  const [python] = Object.values(recorded.find(({ name }) => name === 'active_queues')?.replies[0] ?? {})
  const queue = createQueue({ name: 'celery', exchange: 'celery', routingKey: 'celery' })
  expect([encodeQueueInfo(queue)]).toEqual(python)
})

it('tells of further bindings and options', () => {
  const bindings = [{ exchange: 'b', routingKey: 'k' }]
  const queue = createQueue({ name: 'q', noDeclare: true, expires: 5, maxPriority: 3, alias: 'a', bindings })
  expect(encodeQueueInfo(queue)).toMatchObject({
    no_declare: true,
    expires: 5,
    max_priority: 3,
    alias: 'a',
    bindings: [{ exchange: { name: 'b' }, routing_key: 'k', arguments: null }],
  })
})
