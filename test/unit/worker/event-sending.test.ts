import { expect, it } from 'vitest'
import type { EventDispatcher } from '../../../src/events/dispatcher.ts'
import { EventSending } from '../../../src/worker/event-sending.ts'

it('flushes on each connection and before its end, and closes with the worker', async () => {
  const trail: string[] = []
  const dispatcher = { flush: async () => void trail.push('flush'), close: async () => void trail.push('close') }
  const sending = new EventSending(dispatcher as unknown as EventDispatcher)
  const stop = sending.start()
  const detach = sending.attach()
  expect(trail).toEqual(['flush'])
  await detach()
  await stop()
  expect(trail).toEqual(['flush', 'flush', 'close'])
})
