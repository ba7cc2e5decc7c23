/** One queue, workers of both languages, clients of both languages. */
import { describe, expect, it } from 'vitest'
import type { Sides } from './side.ts'

const TASKS = 5000
/** Fewer than from here: a Python client sends one at a time. */
const FROM_PYTHON = 1000
const KINDS = ['double', 'text', 'list', 'fail'] as const

/** What the task with this number answers, without the name of the side that ran it. */
function expected(number: number): unknown {
  const answers = { double: number * 2, text: 'ü'.repeat(number % 7), list: [number], fail: String(number) }
  return answers[kindOf(number)]
}

function kindOf(number: number): (typeof KINDS)[number] {
  return KINDS[number % KINDS.length] ?? 'fail'
}

export function testSharedQueue(sides: () => Sides): void {
  describe('a TypeScript worker and a Python worker on one queue', () => {
    it('drain 5,000 mixed tasks, and each result is right whoever ran it', { timeout: 60_000 }, async () => {
      const { app, python } = sides()
      // Who reads the results is not the one who called, and would else be told of all of them.
      const call = "blind.send_task('both.work', (('double', 'text', 'list', 'fail')[n % 4], n)).id"
      const fromPython = python.evaluate<string[]>(`[${call} for n in range(${String(FROM_PYTHON)})]`)
      const numbers = Array.from({ length: TASKS - FROM_PYTHON }, (_, index) => FROM_PYTHON + index)
      const fromHere = app.sendTasks(numbers.map((n) => ({ name: 'both.work', args: [kindOf(n), n] })))
      const ids = [...(await fromPython), ...(await fromHere).map(({ id }) => id)]

      const shares = { py: 0, ts: 0 }
      const read = async (id: string, number: number): Promise<void> => {
        const value = await app.asyncResult(id).get({ timeout: 50, propagate: false })
        if (value instanceof Error) {
          expect([value.name, value.message, kindOf(number)]).toEqual(['ValueError', expected(number), 'fail'])
        } else {
          const [side, answer] = value as ['py' | 'ts', unknown]
          shares[side] += 1
          expect(answer).toEqual(expected(number))
        }
      }
      await Promise.all(ids.map(read))
      expect(new Set(ids).size).toBe(TASKS)
      expect(shares.py + shares.ts).toBe((TASKS / 4) * 3)
      expect(shares.py).toBeGreaterThan(20)
      expect(shares.ts).toBeGreaterThan(20)
    })

    it('are read by Python too, whoever ran it', async () => {
      const { python } = sides()
      const sent = "[app.send_task('both.who', (n,)) for n in range(40)]"
      const answers = await python.evaluate<[side: string, number: number][]>(`[r.get(timeout=10) for r in ${sent}]`)
      expect(answers.map(([, number]) => number)).toEqual(Array.from({ length: 40 }, (_, number) => number))
    })
  })
}
