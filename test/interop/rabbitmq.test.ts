/** Celery in Python on the other end, over RabbitMQ, with results in Redis. */
import { beforeAll } from 'vitest'
import { describeWithPythonCelery } from '../support/python-celery.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { startSides } from './side.ts'
import type { Sides } from './side.ts'
import { testInterop } from './suite.ts'

describeWithPythonCelery('Python Celery', () => {
  describeWithRabbitmq('over RabbitMQ', () => {
    describeWithRedis('with results in Redis', () => {
      let sides: Sides
      beforeAll(async () => {
        const [rabbitmq, redis] = await Promise.all([startRabbitmq(), startRedis()])
        sides = await startSides({ broker: rabbitmq.url, backend: redis.url })
        return async () => {
          await sides.stop()
          await Promise.all([rabbitmq.stop(), redis.stop()])
        }
      })
      testInterop(() => sides, { priorities: [9, 6, 3, 0] })
    })
  })
})
