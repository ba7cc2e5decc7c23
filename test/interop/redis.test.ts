/** Celery in Python on the other end, over Redis. */
import { beforeAll } from 'vitest'
import { describeWithPythonCelery } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { testHolding } from './holding.ts'
import { startSides } from './side.ts'
import type { Sides } from './side.ts'
import { testInterop } from './suite.ts'

describeWithPythonCelery('Python Celery', () => {
  describeWithRedis('over Redis', () => {
    let sides: Sides
    beforeAll(async () => {
      const redis = await startRedis()
      sides = await startSides({ broker: redis.url, backend: redis.url })
      return async () => {
        await sides.stop()
        await redis.stop()
      }
    })
    testInterop(() => sides, { priorities: [0, 3, 6, 9] })
    testHolding(() => sides)
  })
})
