/** Errors across languages: type, message, arguments, module and traceback. */
import { describe, expect, it } from 'vitest'
import { NotRegistered, TaskError } from '../../src/index.ts'
import type { Sides } from './side.ts'

export function testErrors(sides: () => Sides): void {
  describe('an error in TypeScript', () => {
    it('is the nearest exception to Python, with message and traceback', async () => {
      const { python } = sides()
      const call =
        "kept.update(failed=app.send_task('ts.fail', ('RangeError', 'bad moon 🌚'))) or kept['failed'].get(timeout=10)"
      await expect(python.evaluate(call)).rejects.toMatchObject({
        type: 'ValueError',
        module: 'builtins',
        args: ['bad moon 🌚'],
      })
      expect(await python.evaluate("kept['failed'].state")).toBe('FAILURE')
      expect(await python.evaluate("kept['failed'].traceback")).toMatch(/RangeError: bad moon 🌚\n\s+at .*side\.ts/)
    })

    it('of a class that both have is that class', async () => {
      const { python } = sides()
      await python.evaluate("kept.update(unlucky=app.send_task('ts.fail', ('Unlucky', '13')))")
      const error = "kept['unlucky'].get(timeout=10, propagate=False)"
      expect(await python.evaluate(`[type(${error}) is Unlucky, str(${error})]`)).toEqual([true, '13'])
    })

    it('about a task that nobody knows is NotRegistered', async () => {
      const call = "app.send_task('ts.nowhere').get(timeout=10)"
      await expect(sides().python.evaluate(call)).rejects.toMatchObject({
        type: 'NotRegistered',
        module: 'celery.exceptions',
      })
    })
  })

  describe('an exception in Python', () => {
    it('is a TaskError with type, arguments, module and traceback', async () => {
      const { app } = sides()
      const result = await app.sendTask('py.fail', ['ValueError', 'bad moon 🌚'])
      const error = await result.get({ timeout: 10 }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(TaskError)
      expect(error).toMatchObject({
        name: 'ValueError',
        module: 'builtins',
        message: 'bad moon 🌚',
        args: ['bad moon 🌚'],
      })
      expect((error as TaskError).traceback).toMatch(
        /^Traceback \(most recent call last\):\n[^]*ValueError: bad moon 🌚/,
      )
      expect(await result.state()).toBe('FAILURE')
    })

    it('of a class of its own keeps its name and all its arguments', async () => {
      const result = await sides().app.sendTask('py.fail', ['Unlucky', 1, { a: null }])
      await expect(result.get({ timeout: 10 })).rejects.toMatchObject({
        name: 'Unlucky',
        module: 'interop',
        args: [1, { a: null }],
        message: "(1, {'a': None})",
      })
    })

    it('about a task that nobody knows is NotRegistered', async () => {
      const result = await sides().app.sendTask('py.nowhere')
      await expect(result.get({ timeout: 10 })).rejects.toThrow(NotRegistered)
    })

    it('is told by what it was thrown on with', async () => {
      const { app } = sides()
      const result = await app.sendTask('py.fail', ['KeyError', 'key'])
      const error = await result.get({ timeout: 10, propagate: false })
      expect(error).toMatchObject({ name: 'KeyError', args: ['key'] })
      expect([await result.ready(), await result.failed()]).toEqual([true, true])
    })
  })
}
