/** Work-flows that run in both languages at once: chords whose parts, bodies and errors are on either side, over Redis and RabbitMQ. */
import { beforeAll, expect, it } from 'vitest'
import type { ResultBackend } from '../../src/backend/backend.ts'
import { startChord } from '../../src/canvas/chord-start.ts'
import type { Host } from '../../src/canvas/host.ts'
import { chain, chord, chunks, group, starmap, xmap } from '../../src/index.ts'
import type { AnySignature, AsyncResult } from '../../src/index.ts'
import { fakeHost } from '../support/fake-host.ts'
import { describeWithPythonCelery } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import type { RunningServer } from '../support/server.ts'
import { startSides } from './side.ts'
import type { Sides } from './side.ts'

const WAIT = { timeout: 15 }

describeWithPythonCelery('work-flows with Python Celery', () => {
  describeWithRedis('over Redis', () => {
    testWorkflows(startRedis)
  })
  describeWithRabbitmq('over RabbitMQ', () => {
    describeWithRedis('with results in Redis', () => {
      testWorkflows(startRabbitmq)
    })
  })
})

/** Results, and with them the counting of chords, are in Redis. */
function testWorkflows(startBroker: () => Promise<RunningServer>): void {
  let sides: Sides
  const task = (name: string, ...args: unknown[]): AnySignature => sides.app.signature(name, args)

  beforeAll(async () => {
    const [broker, redis] = await Promise.all([startBroker(), startRedis()])
    sides = await startSides({ broker: broker.url, backend: redis.url })
    return async () => {
      await sides.stop()
      await Promise.all([broker.stop(), redis.stop()])
    }
  })

  for (const body of ['ts.echo', 'py.echo']) {
    it(`a chord that is made here, with parts on both sides and the body ${body}`, async () => {
      const header = Array.from({ length: 12 }, (_, index) => task(index % 2 === 0 ? 'ts.add' : 'py.add', index, 100))
      const result = await chord(header, task(body)).delay()
      expect(await result.get(WAIT)).toEqual(header.map((_, index) => index + 100))
    })

    it(`a chord that Python makes, with parts on both sides and the body ${body}`, async () => {
      const parts = "[app.signature('ts.add' if i % 2 else 'py.add', (i, 100)) for i in range(12)]"
      const call = `chord(${parts}, app.signature('${body}'), app=app).apply_async().get(timeout=15)`
      expect(await sides.python.evaluate(call)).toEqual(Array.from({ length: 12 }, (_, index) => index + 100))
    })

    it(`many chords at once whose parts anybody takes, with the body ${body}`, async () => {
      const results = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          chord(
            Array.from({ length: 4 }, () => task('both.who', index)),
            task(body),
          ).delay(),
        ),
      )
      for (const [index, result] of results.entries()) {
        const values = (await result.get(WAIT)) as unknown[][]
        expect(values.map(([, value]) => value)).toEqual([index, index, index, index])
      }
    })
  }

  it('chords, groups and chains in each other, sent from here', async () => {
    const inner = chord([task('py.add', 1, 1), task('ts.add', 2, 2)], task('py.echo'))
    const flow = chain(
      task('ts.add', 1, 1),
      group([task('py.add', 10), chain(task('ts.add', 20), task('py.add', 30))]),
      task('py.echo'),
      task('ts.echo'),
    )
    expect(await (await flow.delay()).get(WAIT)).toEqual([12, 52])
    expect(await (await chord([inner, task('py.add', 3, 3)], task('ts.echo')).delay()).get(WAIT)).toEqual([[2, 4], 6])
  })

  it('chords, groups and chains in each other, sent from Python', async () => {
    const { python } = sides
    const sig = (name: string, ...args: number[]): string => `app.signature('${name}', (${args.join(', ')},))`
    const echo = (side: string): string => `app.signature('${side}.echo')`
    const links = `${sig('py.add', 10)}, ${sig('ts.add', 20)} | ${sig('py.add', 30)}`
    const flow = `(${sig('ts.add', 1, 1)} | group([${links}], app=app) | ${echo('py')} | ${echo('ts')})`
    expect(await python.evaluate(`${flow}.apply_async().get(timeout=15)`)).toEqual([12, 52])
    const inner = `chord([${sig('py.add', 1, 1)}, ${sig('ts.add', 2, 2)}], ${echo('ts')}, app=app)`
    const outer = `chord([${inner}, ${sig('ts.add', 3, 3)}], ${echo('py')}, app=app)`
    expect(await python.evaluate(`${outer}.apply_async().get(timeout=15)`)).toEqual([[2, 4], 6])
  })

  for (const failing of ['ts.fail', 'py.fail']) {
    for (const last of ['ts.add', 'py.add']) {
      it(`${failing} fails the chord, whoever counts last (${last})`, async () => {
        const { app, python } = sides
        const args = failing === 'ts.fail' ? ['RangeError', 'x'] : ['ValueError', 'x']
        const header = [app.signature(failing, args, { taskId: app.newId() }), task(last, 1, 1), task(last, 2, 2)]
        const { id } = (await chord(header, task('ts.echo')).delay()) as AsyncResult
        const message = `Dependency ${String(header[0]?.id)} raised ValueError('x')`
        await expect(app.asyncResult(id).get(WAIT)).rejects.toMatchObject({ name: 'ChordError', message })
        const type = `type(app.AsyncResult('${id}').get(timeout=15, propagate=False)).__name__`
        expect(await python.evaluate(type)).toBe('ChordError')
      })
    }
  }

  for (const side of ['ts', 'py']) {
    const add = `app.signature('${side}.add')`

    it(`map, starmap and chunks of ${side}.add, sent from here and from Python`, async () => {
      const { app, python } = sides
      const bare = app.signature(`${side}.add`) as never
      const rows = [
        [1, 2],
        [3, 4],
        [5, 6],
      ] as never[]
      const sent = [xmap(bare, [1, 2]).delay(), starmap(bare, rows).delay(), chunks(bare, rows, 2).delay()]
      const values = await Promise.all(sent.map(async (sending) => (await sending).get(WAIT)))
      expect(values).toEqual([
        [1, 2],
        [3, 7, 11],
        [[3, 7], [11]],
      ])
      const calls = [
        `xmap(${add}, [1, 2], app=app).apply_async()`,
        `xstarmap(${add}, ${JSON.stringify(rows)}, app=app).apply_async()`,
      ]
      // What Python sends as chunks has ids that it does not know itself (5.2).
      const called = `[r.get(timeout=15) for r in [${calls.join(', ')}]]`
      expect(await python.evaluate(called)).toEqual(values.slice(0, 2))
    })

    // Python's Redis backend has no use for it, and waits in vain for values that are there already.
    for (const failing of side === 'py' ? [true] : [false, true]) {
      const end = failing ? 'fails' : 'sends'
      // It goes to where the body goes, so that both sides have to understand what the other one says.
      it(`celery.chord_unlock, sent by either side, ${end} the body ${side}.echo`, async () => {
        const { app, python } = sides
        const [here, there] = [app.newId(), app.newId()]
        const header = failing
          ? await group([task('py.add', 1, 1), task('py.fail', 'ValueError', 'x')]).delay()
          : await group([task('py.add', 1, 1), task('ts.add', 2, 2)]).delay()
        const uncounted: Host = {
          ...fakeHost().host,
          backend: async () => ({}) as ResultBackend,
          call: (name, args, options) => app.sendTask(name, args, options),
        }
        const results = header.results.map((result) => result.asTuple())
        const look = { countdown: 0, interval: 0.1 }
        const body = app.signature(`${side}.echo`, [], { taskId: here }).toJSON()
        await startChord(uncounted, { groupId: header.id, size: results.length, results }, body, look)
        const restored = `app.GroupResult('${header.id}', [app.AsyncResult(i) for i in ${JSON.stringify(header.results.map(({ id }) => id))}])`
        const callback = `app.signature('${side}.echo', task_id='${there}')`
        await python.evaluate(`app.backend.fallback_chord_unlock(${restored}, ${callback}, countdown=0, interval=0.1)`)
        for (const id of [here, there]) {
          const value = app.asyncResult(id).get(WAIT)
          if (!failing) expect(await value).toEqual([2, 4])
          else
            await expect(value).rejects.toMatchObject({
              name: 'ChordError',
              message: /^Dependency .* raised ValueError/,
            })
        }
      })
    }
  }
}
