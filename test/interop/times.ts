/** When things run, and in which order: eta, countdown, expires, priorities, and new attempts on the other side. */
import { describe, expect, it } from 'vitest'
import { TaskRevokedError } from '../../src/index.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Sides } from './side.ts'

/** How the broker orders priorities. */
export interface TimesOptions {
  /** Which priorities, sent in the order 0, 3, 6, 9, come in which order. */
  readonly priorities: readonly number[]
}

const PRIORITIES = [0, 3, 6, 9]

export function testTimes(sides: () => Sides, { priorities }: TimesOptions): void {
  describe('a time to start', () => {
    it('from Python is kept here', async () => {
      const { python, received } = sides()
      const sentMs = Date.now()
      const later = await python.evaluate<string>("app.send_task('ts.echo', ('later',), countdown=1).id")
      const eta = 'datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.2)'
      const atEta = await python.evaluate<string>(`app.send_task('ts.echo', ('at',), eta=${eta}).id`)
      const atOnce = await python.evaluate<string>("app.send_task('ts.echo', ('now',), countdown=-10).id")
      await waitFor(() => received.has(atOnce))
      expect(received.get(atOnce)?.startedMs).toBeLessThan(sentMs + 900)
      await waitFor(() => received.has(later) && received.has(atEta))
      const startedMs = [later, atEta].map((id) => (received.get(id)?.startedMs ?? 0) - sentMs)
      expect(startedMs[0]).toBeGreaterThanOrEqual(1000)
      expect(startedMs[1]).toBeGreaterThanOrEqual(1200)
      expect(Math.max(...startedMs)).toBeLessThan(4000)
    })

    it('from here is kept in Python', async () => {
      const { app } = sides()
      const sentMs = Date.now()
      const later = await app.sendTask('py.now', [], { countdown: 1 })
      const atEta = await app.sendTask('py.now', [], { eta: new Date(sentMs + 1200) })
      const atOnce = await app.sendTask('py.now', [], { eta: new Date(sentMs - 10_000) })
      const startedMs = await Promise.all([later, atEta, atOnce].map((result) => result.get({ timeout: 10 })))
      const [afterCountdown = 0, afterEta = 0, afterNow = 0] = startedMs.map((ms) => (ms as number) - sentMs)
      expect(afterNow).toBeLessThan(900)
      expect(afterCountdown).toBeGreaterThanOrEqual(1000)
      expect(afterEta).toBeGreaterThanOrEqual(1200)
      expect(Math.max(afterCountdown, afterEta)).toBeLessThan(4000)
    })

    it('that is far away keeps nobody from working', async () => {
      const { python, app, received } = sides()
      // More than either worker prefetches.
      const sent = "[app.send_task('ts.echo', (i,), countdown=3600).id for i in range(60)]"
      const ids = await python.evaluate<string[]>(sent)
      const calls = Array.from({ length: 60 }, () => ({ name: 'py.echo', args: [1], options: { countdown: 3600 } }))
      const results = await app.sendTasks(calls)
      expect(await python.evaluate("app.send_task('ts.add', (1, 1)).get(timeout=10)")).toBe(2)
      expect(await (await app.sendTask('py.add', [1, 1])).get({ timeout: 10 })).toBe(2)
      expect(ids.some((id) => received.has(id))).toBe(false)
      expect(await results[0]?.state()).toBe('PENDING')
    })
  })

  describe('a time to expire', () => {
    it('from Python counts here', async () => {
      const { python, app, received } = sides()
      const expired = await python.evaluate<string>("app.send_task('ts.echo', (1,), countdown=0.8, expires=0.3).id")
      const call = "app.send_task('ts.add', (1, 2), expires=60).get(timeout=10)"
      expect(await python.evaluate(call)).toBe(3)
      await expect(app.asyncResult(expired).get({ timeout: 10 })).rejects.toThrow(TaskRevokedError)
      expect(received.has(expired)).toBe(false)
      await expect(python.evaluate(`app.AsyncResult('${expired}').get(timeout=10)`)).rejects.toMatchObject({
        type: 'TaskRevokedError',
        args: ['expired'],
      })
    })

    it('from here counts in Python', async () => {
      const { app } = sides()
      const expired = await app.sendTask('py.echo', [1], { countdown: 0.8, expires: 0.3 })
      expect(await (await app.sendTask('py.add', [1, 2], { expires: 60 })).get({ timeout: 10 })).toBe(3)
      await expect(expired.get({ timeout: 10 })).rejects.toThrow(TaskRevokedError)
    })
  })

  describe('priorities', () => {
    it('from Python order the work here', async () => {
      const { python, makeApp } = sides()
      const app = makeApp()
      const order: number[] = []
      app.task('ranked', (priority: number) => void order.push(priority))
      const call = "app.send_task('ranked', (p,), queue='ranked.typescript', priority=p)"
      await python.evaluate(`[${call} and 0 for p in (0, 3, 6, 9)]`)
      const options = {
        pool: 'solo',
        prefetchMultiplier: 1,
        hostname: 'ranked@localhost',
        queues: ['ranked.typescript'],
      }
      const worker = app.worker(options)
      try {
        await worker.start()
        await waitFor(() => order.length === 4)
        expect(order).toEqual(priorities)
      } finally {
        await worker.stop('cold')
        await app.close()
      }
    })

    it('from here order the work in Python', async () => {
      const { app, python } = sides()
      const queue = 'ranked.python'
      const calls = PRIORITIES.map((priority) => ({ name: 'py.now', options: { queue, priority } }))
      const results = await app.sendTasks(calls)
      await python.evaluate(`app.control.add_consumer('${queue}', destination=['python@localhost'])`)
      const startedMs = (await Promise.all(results.map((result) => result.get({ timeout: 10 })))) as number[]
      const order = PRIORITIES.map((priority, index) => ({ priority, at: startedMs[index] ?? 0 }))
      expect(order.sort((a, b) => a.at - b.at).map(({ priority }) => priority)).toEqual(priorities)
    })
  })

  describe('a new attempt', () => {
    it('of a task that failed here may run in Python, and the other way', async () => {
      const { python, app } = sides()
      const toPython = await app.sendTask('both.flaky', [1, 'python'], { queue: 'typescript' })
      expect(await toPython.get({ timeout: 10 })).toEqual(['py', 1])
      const toHere = "app.send_task('both.flaky', (1, 'typescript'), queue='python').get(timeout=10)"
      expect(await python.evaluate(toHere)).toEqual(['ts', 1])
    })

    it('counts all attempts, whoever made them', async () => {
      const result = await sides().app.sendTask('both.flaky', [4, 'both'], { queue: 'both' })
      const [, retries] = (await result.get({ timeout: 10 })) as [string, number]
      expect(retries).toBe(4)
    })

    it('ends with the last error when there were enough', async () => {
      const { app } = sides()
      for (const queue of ['typescript', 'python']) {
        const result = await app.sendTask('both.flaky', [9, queue], { queue })
        await expect(result.get({ timeout: 10 })).rejects.toMatchObject({ name: 'Unlucky', args: ['again'] })
      }
    })
  })
}
