/** What follows a task, on whichever side: links, errbacks, chains and groups. */
import { describe, expect, it } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import type { Sides } from './side.ts'

export function testFollowers(sides: () => Sides): void {
  describe('a link', () => {
    it('in Python follows a task here', async () => {
      const { app } = sides()
      const taskId = app.newId()
      const link = app.signature('py.add', [10], { taskId })
      const result = await app.sendTask('ts.add', [1, 2], { link })
      expect(await app.asyncResult(taskId).get({ timeout: 10 })).toBe(13)
      await waitFor(() => result.ready())
      expect((await result.children()).map(({ id }) => id)).toEqual([taskId])
    })

    it('here follows a task in Python', async () => {
      const { app, python } = sides()
      const taskId = app.newId()
      const result = await app.sendTask('py.add', [1, 2], { link: app.signature('ts.add', [10], { taskId }) })
      expect(await app.asyncResult(taskId).get({ timeout: 10 })).toBe(13)
      await waitFor(() => result.ready())
      expect(await python.evaluate(`[c.id for c in app.AsyncResult('${result.id}').children]`)).toEqual([taskId])
    })

    it('may come from Python', async () => {
      const link = "link=[app.signature('py.add', (10,), task_id=kept.setdefault('link', str(uuid4())))]"
      const { python } = sides()
      await python.evaluate(`app.send_task('ts.add', (1, 2), ${link}) and None`)
      expect(await python.evaluate("app.AsyncResult(kept['link']).get(timeout=10)")).toBe(13)
    })
  })

  describe('an errback', () => {
    it('in Python is told of a task that failed here', async () => {
      const { app } = sides()
      const taskId = app.newId()
      const linkError = app.signature('py.gather', [], { taskId })
      const failed = await app.sendTask('ts.fail', ['Error', 'x'], { linkError })
      expect(await app.asyncResult(taskId).get({ timeout: 10 })).toEqual({ args: [failed.id], kwargs: {} })
    })

    it('here is told of a task that failed in Python', async () => {
      const { app } = sides()
      const taskId = app.newId()
      const failed = await app.sendTask('py.fail', [], { linkError: app.signature('ts.echo', [], { taskId }) })
      expect(await app.asyncResult(taskId).get({ timeout: 10 })).toBe(failed.id)
    })
  })

  describe('a chain', () => {
    it('that Python makes goes through both', async () => {
      const { python } = sides()
      const links = "app.signature('ts.add', (1, 1)), app.signature('py.add', (10,)), app.signature('ts.add', (100,))"
      expect(await python.evaluate(`chain(${links}, app=app).apply_async().get(timeout=10)`)).toBe(112)
    })

    it('that a Python task makes goes through both', async () => {
      const { app } = sides()
      const id = await (await app.sendTask('py.chain', [1])).get({ timeout: 10 })
      expect(await app.asyncResult(id as string).get({ timeout: 10 })).toBe(112)
    })

    it('that is begun here goes through both', async () => {
      const { app } = sides()
      const [second, last] = [app.newId(), app.newId()]
      // Reversed, as on the wire.
      const chain = [
        app.signature('ts.add', [100], { taskId: last }).toJSON(),
        app.signature('py.add', [10], { taskId: second }).toJSON(),
      ]
      const first = await app.sendTask('ts.add', [1, 1], { chain })
      expect(await app.asyncResult(last).get({ timeout: 10 })).toBe(112)
      expect(await first.get({ timeout: 10 })).toBe(2)
    })

    it('fails to its end when a link in the middle fails, whoever runs it', async () => {
      const { python } = sides()
      for (const [first, failing] of [
        ['py.add', "'ts.fail', ('RangeError', 'x'), immutable=True"],
        ['ts.add', "'py.fail', ('ValueError', 'x'), immutable=True"],
      ] as const) {
        const links = `app.signature('${first}', (1, 1)), app.signature(${failing}), app.signature('${first}', (1,))`
        const call = `chain(${links}, app=app).apply_async().get(timeout=10)`
        await expect(python.evaluate(call)).rejects.toMatchObject({ type: 'ValueError', args: ['x'] })
      }
    })
  })

  describe('a group', () => {
    it('that Python makes is answered by both', async () => {
      const { python } = sides()
      const parts = "[app.signature(name, (i, 1)) for i in range(5) for name in ('ts.add', 'py.add')]"
      const call = `group(${parts}, app=app).apply_async().get(timeout=10)`
      expect(await python.evaluate(call)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    })
  })
}
