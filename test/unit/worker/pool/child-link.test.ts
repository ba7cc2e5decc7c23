import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { PortLink } from '../../../../src/worker/pool/child-link.ts'

it('a thread sends copies, and takes what comes piece by piece', async () => {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => {
    port1.close()
  })
  const link = new PortLink(port1)
  const bytes = new Uint8Array([1, 2, 3, 4])
  const received = once(port2, 'message')
  link.send(bytes.subarray(1, 3))
  bytes.fill(0)
  expect(await received).toEqual([new Uint8Array([2, 3])])
  const heard = new Promise<Buffer>((resolve) => {
    link.listen(resolve)
  })
  port2.postMessage(new Uint8Array([5, 6]))
  expect([...(await heard)]).toEqual([5, 6])
})

it('a thread counts its own heap', () => {
  const { port1 } = new MessageChannel()
  const link = new PortLink(port1)
  expect(link.memoryBytes()).toBeGreaterThan(1_000_000)
  expect(link.memoryBytes()).toBeLessThan(process.memoryUsage.rss() * 4)
  port1.close()
})
