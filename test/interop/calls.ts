/** Calls in both directions: arguments, options, what the other side learns of the call, and what is left behind. */
import { describe, expect, it } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import type { Sides } from './side.ts'

export function testCalls(sides: () => Sides): void {
  describe('Python calls TypeScript', () => {
    it('with positional and named arguments', async () => {
      const { python } = sides()
      expect(await python.evaluate("app.send_task('ts.add', (1, 2)).get(timeout=10)")).toBe(3)
      expect(await python.evaluate("app.send_task('ts.add', (1,), {'y': 5}).get(timeout=10)")).toBe(6)
      const named = "app.send_task('ts.gather', (1,), {'y': 2, 'größe': {'π': [3.5, None, True]}}).get(timeout=10)"
      expect(await python.evaluate(named)).toEqual({ x: 1, y: 2, named: { größe: { π: [3.5, null, true] } } })
    })

    it('and gets an error for arguments that do not fit', async () => {
      const call = "app.send_task('ts.add', (1,), {'z': 5}).get(timeout=10)"
      await expect(sides().python.evaluate(call)).rejects.toMatchObject({ type: 'TypeError', module: 'builtins' })
    })

    it('with text of any kind, and 1 MiB of it', async () => {
      const { python } = sides()
      const text = "'é 世界 🌍 \\u0000 \\\\ \" \\u2028'"
      expect(await python.evaluate(`app.send_task('ts.echo', (${text},)).get(timeout=10)`)).toBe(
        'é 世界 🌍 \0 \\ " \u2028',
      )
      const long = "app.send_task('ts.echo', ('ü' * 2**19,)).get(timeout=10) == 'ü' * 2**19"
      expect(await python.evaluate(long)).toBe(true)
    })

    it('in protocol 1, with links and times', async () => {
      const { python, app } = sides()
      expect(await python.evaluate("old.send_task('ts.add', (1,), {'y': 2}).get(timeout=10)")).toBe(3)
      const link = "link=[old.signature('ts.add', (10,), task_id=kept.setdefault('v1', str(uuid4())))]"
      const call = `old.send_task('ts.add', (1, 2), ${link}, countdown=0.2, expires=60).get(timeout=10)`
      expect(await python.evaluate(call)).toBe(3)
      const linked = await python.evaluate<string>("kept['v1']")
      expect(await app.asyncResult(linked).get({ timeout: 10 })).toBe(13)
    })

    it('and ignores the result', async () => {
      const { python, app, received } = sides()
      const id = await python.evaluate<string>("app.send_task('ts.echo', (1,), ignore_result=True).id")
      await waitFor(() => received.has(id))
      // A result that is wanted, asked for later, so that the other one would be there by now.
      await (await app.sendTask('ts.add', [1, 1])).get({ timeout: 10 })
      expect(await python.evaluate(`app.AsyncResult('${id}').state`)).toBe('PENDING')
    })

    it('and sees progress', async () => {
      const { python, app } = sides()
      const id = await python.evaluate<string>("app.send_task('ts.wait').id")
      await waitFor(async () => (await python.evaluate(`app.AsyncResult('${id}').state`)) === 'PROGRESS')
      expect(await python.evaluate(`app.AsyncResult('${id}').info`)).toEqual({ done: 1 })
      await app.asyncResult(id).revoke({ terminate: true })
    })
  })

  describe('TypeScript calls Python', () => {
    it('with positional and named arguments', async () => {
      const { app } = sides()
      expect(await (await app.sendTask('py.add', [1, 2])).get({ timeout: 10 })).toBe(3)
      expect(await (await app.sendTask('py.add', [1], { kwargs: { y: 5 } })).get({ timeout: 10 })).toBe(6)
      const named = await app.sendTask('py.gather', [1], { kwargs: { größe: { π: [3.5, null, true] } } })
      expect(await named.get({ timeout: 10 })).toEqual({ args: [1], kwargs: { größe: { π: [3.5, null, true] } } })
    })

    it('and gets an error for arguments that do not fit', async () => {
      const result = await sides().app.sendTask('py.add', [1], { kwargs: { z: 5 } })
      await expect(result.get({ timeout: 10 })).rejects.toMatchObject({ name: 'TypeError', module: 'builtins' })
    })

    it('with text of any kind, and 1 MiB of it', async () => {
      const { app } = sides()
      for (const text of ['é 世界 🌍 \0 \\ " \u2028', 'ü'.repeat(2 ** 19)]) {
        expect((await (await app.sendTask('py.echo', [text])).get({ timeout: 10 })) === text).toBe(true)
      }
    })

    it('in protocol 1, with links and times', async () => {
      const old = sides().makeApp({ taskProtocol: 1 })
      try {
        expect(await (await old.sendTask('py.add', [1], { kwargs: { y: 2 } })).get({ timeout: 10 })).toBe(3)
        const taskId = old.newId()
        const link = old.signature('py.add', [10], { taskId })
        const result = await old.sendTask('py.add', [1, 2], { link, countdown: 0.2, expires: 60 })
        expect(await result.get({ timeout: 10 })).toBe(3)
        expect(await old.asyncResult(taskId).get({ timeout: 10 })).toBe(13)
      } finally {
        await old.close()
      }
    })

    it('and tells the task who called', async () => {
      const { app } = sides()
      const options = { headers: { tenant: 'blue' }, shadow: 'alias', priority: 3, timeLimit: 300, softTimeLimit: 200 }
      const facts = ['id', 'root_id', 'retries', 'shadow', 'timelimit', 'correlation_id', 'tenant']
      const result = await app.sendTask('py.request', facts, options)
      expect(await result.get({ timeout: 10 })).toEqual({
        id: result.id,
        root_id: result.id,
        retries: 0,
        shadow: 'alias',
        timelimit: [300, 200],
        correlation_id: result.id,
        tenant: 'blue',
      })
    })

    it('and ignores the result', async () => {
      const { app } = sides()
      const ignored = await app.sendTask('py.echo', [1], { ignoreResult: true })
      expect(await ignored.get()).toBeUndefined()
      await (await app.sendTask('py.add', [1, 1])).get({ timeout: 10 })
      expect(await ignored.state()).toBe('PENDING')
    })

    it('and sees progress', async () => {
      const result = await sides().app.sendTask('py.progress')
      const seen: unknown[] = []
      expect(await result.get({ timeout: 10, onMessage: (meta) => seen.push(meta.result) })).toBe('done')
      expect([seen[0], seen.at(-1)]).toEqual([{ done: 1 }, 'done'])
    })
  })
}
