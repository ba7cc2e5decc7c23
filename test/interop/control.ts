/** Remote control across languages: who is there, and revoking, asked from either side. */
import { describe, expect, it } from 'vitest'
import { TaskRevokedError } from '../../src/index.ts'
import { runPython } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'
import { HOSTNAME } from './side.ts'
import type { Sides } from './side.ts'

export function testControl(sides: () => Sides): void {
  describe('a ping', () => {
    it('reaches both workers, from either side', async () => {
      const { app, python, pythonWorker } = sides()
      const nodes = (replies: readonly object[]): string[] => replies.flatMap((reply) => Object.keys(reply)).sort()
      const both = [pythonWorker.hostname, HOSTNAME]
      expect(nodes(await app.control.ping({ timeout: 5, limit: 2 }))).toEqual(both)
      expect(nodes(await python.evaluate('app.control.broadcast("ping", reply=True, timeout=5, limit=2)'))).toEqual(
        both,
      )
    })

    it('reaches one by its name', async () => {
      const { app, python, pythonWorker } = sides()
      const reply = await app.control.ping({ timeout: 5, destination: [pythonWorker.hostname] })
      expect(reply).toEqual([{ [pythonWorker.hostname]: { ok: 'pong' } }])
      const call = `app.control.broadcast('ping', reply=True, timeout=5, limit=1, destination=['${HOSTNAME}'])`
      expect(await python.evaluate(call)).toEqual([{ [HOSTNAME]: { ok: 'pong' } }])
    })
  })

  describe('revoking', () => {
    it('by Python reaches this worker', async () => {
      const { python, app, received } = sides()
      const id = app.newId()
      await python.evaluate(`app.control.revoke('${id}', reply=True, timeout=5, limit=2)`)
      await python.evaluate(`app.send_task('ts.echo', (1,), task_id='${id}') and None`)
      await expect(app.asyncResult(id).get({ timeout: 10 })).rejects.toThrow(TaskRevokedError)
      await expect(python.evaluate(`app.AsyncResult('${id}').get(timeout=10)`)).rejects.toMatchObject({
        type: 'TaskRevokedError',
        args: ['revoked'],
      })
      expect(received.has(id)).toBe(false)
    })

    it('by Python ends a task that runs here', async () => {
      const { python, app } = sides()
      const id = await python.evaluate<string>("app.send_task('ts.wait').id")
      await waitFor(async () => (await app.asyncResult(id).state()) === 'PROGRESS')
      await python.evaluate(`app.control.revoke('${id}', terminate=True)`)
      await expect(python.evaluate(`app.AsyncResult('${id}').get(timeout=10)`)).rejects.toMatchObject({
        type: 'TaskRevokedError',
      })
    })

    it('from here reaches the Python worker', async () => {
      const { app } = sides()
      const taskId = app.newId()
      await app.control.ask('revoke', { arguments: { task_id: [taskId] }, timeout: 5, limit: 2 })
      const result = await app.sendTask('py.echo', [1], { taskId })
      await expect(result.get({ timeout: 10 })).rejects.toThrow(TaskRevokedError)
      await expect(result.get({ timeout: 10 })).rejects.toThrow('revoked')
    })
  })

  describe('a command that looks', () => {
    it.each([
      ['ping', ''],
      ['stats', ''],
      ['active', ''],
      ['reserved', ''],
      ['scheduled', ''],
      ['revoked', ''],
      ['registered', ''],
      ['conf', ''],
      ['report', ''],
      ['active_queues', ''],
      ['query_task', "'nowhere'"],
      ['memsample', ''],
    ])('%s is answered alike by both workers, whoever asks', async (command, args) => {
      const { app, python, pythonWorker } = sides()
      const nodes = [HOSTNAME, pythonWorker.hostname]
      const inspect = `app.control.inspect(destination=${JSON.stringify(nodes)}, timeout=10, limit=2)`
      const asked = await python.evaluate<Answers>(`${inspect}.${command}(${args})`)
      expect(Object.keys(asked).sort()).toEqual([...nodes].sort())
      expect(shapeOf(asked[HOSTNAME], command)).toEqual(shapeOf(asked[pythonWorker.hostname], command))
      const own = app.control.inspect({ destination: nodes, timeout: 10, limit: 2 })
      const found = await own.ask(command, args === '' ? {} : { ids: ['nowhere'] })
      for (const node of nodes) expect(shapeOf(found[node], command)).toEqual(shapeOf(asked[node], command))
    })

    it('tells of tasks that wait for their time, alike', async () => {
      const { app, python, pythonWorker } = sides()
      const nodes = [HOSTNAME, pythonWorker.hostname]
      const ids = [app.newId(), app.newId()]
      for (const [index, task] of ['ts.echo', 'py.echo'].entries()) {
        const id = String(ids[index])
        await python.evaluate(`app.send_task('${task}', (1,), {'value2': 'x'}, task_id='${id}', countdown=4) and None`)
      }
      const inspect = app.control.inspect({ destination: nodes, timeout: 10, limit: 2 })
      const [ours, pythons] = await waitFor(async () => {
        const held = await inspect.scheduled()
        const all = nodes.map((node) => (held[node] as readonly { request: { id: string } }[])[0])
        return all.every((entry) => entry !== undefined) && all
      })
      expect([ours?.request.id, pythons?.request.id]).toEqual(ids)
      expect(shapeOf(ours, 'scheduled')).toEqual(shapeOf(pythons, 'scheduled'))
      await app.control.revoke(ids, { reply: true, timeout: 10, limit: 2 })
    })
  })

  describe('a command that changes something', () => {
    it.each([
      ['rate_limit', { task_name: 'both.who', rate_limit: '10/m' }],
      ['rate_limit', { task_name: 'both.who', rate_limit: 0 }],
      ['rate_limit', { task_name: 'no.such', rate_limit: 1 }],
      ['time_limit', { task_name: 'both.who', soft: 50, hard: 100 }],
      ['time_limit', { task_name: 'no.such', soft: 50, hard: 100 }],
      ['add_consumer', { queue: 'extra', exchange: null, exchange_type: 'direct', routing_key: null }],
      ['cancel_consumer', { queue: 'extra' }],
      ['revoke', { task_id: ['x1'], terminate: false }],
      ['revoke', { task_id: ['x1'], terminate: true, signal: 'SIGTERM' }],
    ])('%s %j is answered alike by both workers', async (command, args) => {
      const { app, pythonWorker } = sides()
      const replies = await app.control.ask(command, {
        arguments: args,
        destination: [HOSTNAME, pythonWorker.hostname],
        timeout: 10,
      })
      const answers = Object.assign({}, ...replies) as Answers
      // Before Celery 5.3 a set of ids was written without its braces.
      const [ours, pythons] = [HOSTNAME, pythonWorker.hostname].map((node) => textOf(answers[node]))
      expect(ours).toBe(pythons)
    })
  })

  it('Python’s command line prints what it prints for its own worker', async () => {
    const { pythonWorker, pythonSettings } = sides()
    const nodes = [HOSTNAME, pythonWorker.hostname].join(',')
    const args = ['-m', 'celery', '-A', 'interop', 'inspect', 'ping', '-d', nodes, '-t', '10']
    const { code, stdout } = await runPython(args, pythonSettings)
    const blocks = stdout.split('->  ').map((block) => block.replace(/\s*\d+ nodes online\.\s*/, '').trim())
    const [, answer] = blocks.find((block) => block.startsWith(HOSTNAME))?.split(/@localhost:? /) ?? []
    const [, pythonAnswer] =
      blocks.find((block) => block.startsWith(pythonWorker.hostname))?.split(/@localhost:? /) ?? []
    expect([code, answer]).toEqual([0, pythonAnswer])
    expect(answer).toContain('pong')
  })
}

function textOf(answer: unknown): string {
  return JSON.stringify(answer).replaceAll(/[{}']/g, '')
}

type Answers = Readonly<Record<string, unknown>>

/** What names and numbers there are differs; which fields they have does not. */
const FREE: Readonly<Record<string, readonly string[]>> = {
  stats: ['total', 'pool'],
  conf: [''],
  // How a queue's highest priority is written.
  active_queues: ['queue_arguments'],
}

/** Of so many items of a list the fields are looked at; how many there are is by chance. */
const ITEMS: Readonly<Record<string, number>> = { active_queues: 1, scheduled: 1, registered: 1 }

/** The fields of an answer, without its values. */
function shapeOf(value: unknown, command: string, path: string = ''): unknown {
  if (FREE[command]?.includes(path) === true) return 'any'
  if (Array.isArray(value)) return value.slice(0, ITEMS[command] ?? 0).map((item) => shapeOf(item, command, path))
  if (typeof value !== 'object' || value === null) return 'value'
  return Object.fromEntries(
    Object.keys(value)
      .filter((name) => name !== 'credential_provider')
      .sort()
      .map((name) => [name, shapeOf((value as Answers)[name], command, path === '' ? name : `${path}.${name}`)]),
  )
}
