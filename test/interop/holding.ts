/** Redis: messages that one side holds, and kombu's rule that they come back after the visibility timeout. */
import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/util/deferred.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Sides } from './side.ts'

/** Both rules in a hurry: what is held is renewed by a sixth of the lease. */
const SHORT = { visibilityTimeout: 1, lease: 1 }

/** A channel of kombu that is in as much of a hurry. */
const CHANNEL =
  "(kept.get('channel') or kept.setdefault('channel', " +
  "make_app(broker_transport_options={'visibility_timeout': 1}).connection().default_channel))"

export function testHolding(sides: () => Sides): void {
  describe('a message', () => {
    it('in hand here is not taken away by Python, however long its task runs', async () => {
      const { makeApp, python } = sides()
      const app = makeApp({ brokerTransportOptions: SHORT })
      const gate = deferred<string>()
      let runs = 0
      const slow = app.task('slow', { acksLate: true, queue: 'holding' }, () => {
        runs += 1
        return gate.promise
      })
      const worker = app.worker({ pool: 'async', hostname: 'holding@localhost', queues: ['holding'] })
      try {
        await worker.start()
        const result = await slow.delay()
        await waitFor(() => runs === 1)
        const heldSince = Date.now()
        // What each Python worker does every now and then.
        await waitFor(async () => {
          await python.evaluate(`${CHANNEL}.qos.restore_visible(num=100, interval=1)`)
          return Date.now() > heldSince + 1800
        })
        gate.resolve('done')
        expect(await result.get({ timeout: 10 })).toBe('done')
        expect(runs).toBe(1)
      } finally {
        await worker.stop('cold')
        await app.close()
      }
    })

    it('that a Python process took and forgot comes to a worker here', async () => {
      const { makeApp, python } = sides()
      const app = makeApp({ brokerTransportOptions: SHORT })
      const forgotten = app.task('forgotten', { queue: 'forgotten' }, () => 'done')
      const worker = app.worker({ pool: 'async', hostname: 'forgotten@localhost', queues: ['forgotten'] })
      try {
        const result = await forgotten.delay()
        expect(await python.evaluate(`${CHANNEL}.basic_get('forgotten') is not None`)).toBe(true)
        await worker.start()
        expect(await result.get({ timeout: 20 })).toBe('done')
      } finally {
        await worker.stop('cold')
        await app.close()
      }
    })
  })
}
