import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Config } from '../../../src/app/config.ts'
import { Queues } from '../../../src/app/queues.ts'
import { Router } from '../../../src/app/routes.ts'
import { Sender } from '../../../src/app/send.ts'
import type { PublishMiddleware } from '../../../src/app/send.ts'
import type { SettingsInput } from '../../../src/app/settings.ts'
import type { Replies } from '../../../src/backend/backend.ts'
import type { PublishOptions } from '../../../src/canvas/options.ts'
import { runInExecution } from '../../../src/context.ts'
import type { ActiveExecution } from '../../../src/context.ts'
import { EncodeError, ImproperlyConfigured, OperationalError } from '../../../src/errors.ts'
import type { Producer, PublishOptions as Handling } from '../../../src/messaging/producer.ts'
import { createBroadcast, createQueue } from '../../../src/messaging/queue.ts'
import type { EventDispatcher } from '../../../src/events/dispatcher.ts'
import { SerializationRegistry } from '../../../src/serialization/registry.ts'
import { Signals } from '../../../src/signals.ts'
import type { PublishFacts } from '../../../src/signals.ts'
import type { TaskOptions } from '../../../src/task/options.ts'
import { TaskRegistry } from '../../../src/task/registry.ts'
import { createTask, TaskDefinition } from '../../../src/task/task.ts'
import type { TaskFunction, TaskHost } from '../../../src/task/task.ts'
import type { Publication } from '../../../src/transport/transport.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHost } from '../../support/fake-host.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

/** One call of the producer. */
interface Published {
  readonly publications: readonly Publication[]
  readonly handling: Handling
}

interface Fixture {
  readonly sender: Sender
  readonly published: Published[]
  readonly signals: Signals
  readonly queues: Queues
  /** Type and fields of each. */
  readonly events: unknown[]
  /** What the producer does. */
  producing: () => Promise<void>
  task(name: string, options?: TaskOptions, fn?: TaskFunction): void
  /** Send one, and answer what was published. */
  send(options?: PublishOptions, args?: readonly unknown[]): Promise<Publication>
}

async function fixture(
  settings: SettingsInput = {},
  middleware: PublishMiddleware[] = [],
  replies?: Replies,
): Promise<Fixture> {
  const { values } = new Config({ explicit: settings, env: {} })
  const published: Published[] = []
  const events: unknown[] = []
  const serialization = new SerializationRegistry()
  await serialization.load([values.taskSerializer, values.taskCompression])
  const signals = new Signals(silentLogger())
  const tasks = new TaskRegistry()
  const queues = new Queues(values)
  const { host } = fakeHost()
  const taskHost = { ...host, taskDefaults: () => values } as unknown as TaskHost
  const all: Fixture = {
    published,
    events,
    signals,
    queues,
    producing: () => Promise.resolve(),
    sender: new Sender({
      settings: values,
      router: new Router(values, queues),
      tasks,
      serialization,
      producer: {
        publish: async (publications: readonly Publication[], handling: Handling) => {
          published.push({ publications, handling })
          await all.producing()
        },
      } as unknown as Producer,
      signals,
      clock: fakeClock(NOW_MS),
      results: host,
      middleware,
      origin: 'gen1@test',
      replyTo: 'oid',
      replies: () => replies,
      events: () => ({ publish: async (...event: unknown[]) => void events.push(event) }) as unknown as EventDispatcher,
    }),
    task(name, options = {}, fn = (x: number, y: number) => x + y) {
      const definition = new TaskDefinition(name, fn, options, taskHost)
      tasks.register({ definition, task: createTask(definition, taskHost) })
    },
    async send(options = {}, args = [1, 2]) {
      await all.sender.send('proj.add', args, options)
      return published.at(-1)?.publications[0] as Publication
    },
  }
  return all
}

describe('a message', () => {
  it('says what the call said, and goes to the default queue', async () => {
    const { sender, published } = await fixture()
    const result = await sender.send('proj.add', [1, 2], { kwargs: { z: 3 }, taskId: 'id-1' })
    expect([result.id, result.ignored]).toEqual(['id-1', false])
    const [{ publications, handling }] = published as [Published]
    expect(publications).toEqual([
      {
        exchange: '',
        routingKey: 'celery',
        message: {
          body: '[[1,2],{"z":3},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          headers: expect.objectContaining({ task: 'proj.add', id: 'id-1', root_id: 'id-1', origin: 'gen1@test' }),
          properties: expect.objectContaining({
            correlation_id: 'id-1',
            reply_to: 'oid',
            delivery_mode: 2,
            priority: 0,
          }),
        },
      },
    ])
    expect(handling.declare?.map((queue) => queue.name)).toEqual(['celery'])
    expect(handling.retry).toBe(true)
  })

  it('is due at a time, and expires at one', async () => {
    const { send } = await fixture()
    const { dueMs, message } = await send({ countdown: 10, expires: 60 })
    expect(dueMs).toBe(NOW_MS + 10_000)
    expect(message.headers).toMatchObject({ eta: '2026-01-01T00:00:10+00:00', expires: '2026-01-01T00:01:00+00:00' })
    expect(message.properties.expiration).toBe('60000')
    expect('dueMs' in (await send({ countdown: 0 }))).toBe(false)
  })

  it('is written in protocol 1 for workers that are that old', async () => {
    const { send } = await fixture({ taskProtocol: 1 })
    const { message } = await send({ taskId: 'id-1' })
    expect(message.headers).toEqual({})
    expect(JSON.parse(message.body as string)).toMatchObject({ task: 'proj.add', id: 'id-1', args: [1, 2] })
  })

  it('is compressed, and says so', async () => {
    const { send } = await fixture({ taskCompression: 'gzip' })
    const { message } = await send()
    expect(message.headers['compression']).toBe('application/x-gzip')
    expect(message.body).toBeInstanceOf(Uint8Array)
    expect((await send({ compression: 'brotli' })).message.headers['compression']).toBe('application/x-brotli')
  })

  it('may be mandatory', async () => {
    const { send } = await fixture()
    expect(await send({ mandatory: true })).toMatchObject({ mandatory: true })
    expect('mandatory' in (await send())).toBe(false)
  })
})

describe('options', () => {
  it('of the call win over those of the task, and those over the route', async () => {
    const routes = { 'proj.*': { queue: 'route', priority: 1, shadow: 'route', expires: 10 } }
    const { task, send } = await fixture({ taskRoutes: routes })
    const routed = await send()
    expect([routed.routingKey, routed.message.properties.priority, routed.message.headers['shadow']]).toEqual([
      'route',
      1,
      'route',
    ])
    task('proj.add', { queue: 'task', priority: 2, expires: 20, serializer: 'yaml', compression: 'gzip' })
    const owned = await send()
    expect([owned.routingKey, owned.message.properties.priority]).toEqual(['task', 2])
    expect(owned.message).toMatchObject({
      contentType: 'application/x-yaml',
      headers: { shadow: 'route', expires: '2026-01-01T00:00:20+00:00', compression: 'application/x-gzip' },
    })
    const own = await send({ queue: 'call', priority: 3, shadow: 'call', expires: 30, serializer: 'json' })
    expect([own.routingKey, own.message.properties.priority]).toEqual(['call', 3])
    expect(own.message).toMatchObject({
      contentType: 'application/json',
      headers: { shadow: 'call', expires: '2026-01-01T00:00:30+00:00' },
    })
  })

  it('may say as which task it is routed', async () => {
    const { send } = await fixture({ taskRoutes: { 'proj.other': { queue: 'other' } } })
    const { routingKey, message } = await send({ routeName: 'proj.other' })
    expect([routingKey, message.headers['task']]).toEqual(['other', 'proj.add'])
  })

  it('that are undefined were not given', async () => {
    const { task, send } = await fixture()
    task('proj.add', { queue: 'task', timeLimit: 5 })
    const { routingKey, message } = await send({ queue: undefined, timeLimit: undefined })
    expect([routingKey, message.headers['timelimit']]).toEqual(['task', [5, null]])
  })

  it('load the serializers and compressions that they name, whoever names them', async () => {
    const { task, send } = await fixture({ taskRoutes: { 'proj.add': { serializer: 'yaml', compression: 'bzip2' } } })
    expect((await send()).message).toMatchObject({
      contentType: 'application/x-yaml',
      headers: { compression: 'application/x-bz2' },
    })
    task('proj.add', { serializer: 'msgpack' })
    expect((await send()).message.contentType).toBe('application/x-msgpack')
    await expect(send({ serializer: 'jsn' })).rejects.toThrow('did you mean "json"')
    await expect(send({ compression: 'zippy' })).rejects.toThrow(ImproperlyConfigured)
  })

  it('inherit the priority of the task that makes the call, where they name none', async () => {
    const { send } = await fixture({ taskDefaultPriority: 4 })
    const execution = active({ priority: 7 })
    const priorityOf = async (options?: PublishOptions): Promise<unknown> =>
      (await send(options)).message.properties.priority
    expect(await priorityOf()).toBe(4)
    expect(await runInExecution(execution, () => priorityOf())).toBe(7)
    expect(await runInExecution(execution, () => priorityOf({ priority: 1 }))).toBe(1)
  })

  it('say how often publishing is tried', async () => {
    const { send, published } = await fixture({ taskPublishRetry: false })
    const signal = new AbortController().signal
    const retryPolicy = { maxRetries: 1 }
    await send()
    await send({ retry: true, retryPolicy, signal })
    expect(published.map(({ handling: { retry, retryPolicy, signal } }) => [retry, retryPolicy, signal])).toEqual([
      [false, undefined, undefined],
      [true, retryPolicy, signal],
    ])
  })
})

describe('the task that makes a call', () => {
  it('is its parent, and notes it among its children', async () => {
    const { sender, published } = await fixture()
    const execution = active()
    const result = await runInExecution(execution, () => sender.send('proj.add', [], {}))
    await runInExecution(execution, () => sender.send('proj.add', [], { addToParent: false }))
    expect(execution.children).toEqual([[[result.id, null], null]])
    expect(
      published.map(({ publications: [p] }) => [p?.message.headers['root_id'], p?.message.headers['parent_id']]),
    ).toEqual([
      ['root', 'me'],
      ['root', 'me'],
    ])
  })

  it('is no parent of its own new attempt', async () => {
    const { send } = await fixture()
    const execution = active()
    const { message } = await runInExecution(execution, () => send({ taskId: 'me', rootId: 'root', retries: 1 }))
    expect([message.headers['parent_id'], execution.children]).toEqual([null, []])
  })
})

describe('arguments', () => {
  it('that a registered task would refuse are refused here, unless it says otherwise', async () => {
    const { task, send, published } = await fixture()
    task('proj.add')
    await expect(send({}, [1])).rejects.toThrow("add() missing 1 required positional argument: 'y'")
    await expect(send({ kwargs: { q: 1 } }, [1, 2])).rejects.toThrow(TypeError)
    expect(published).toEqual([])
    const lax = await fixture()
    lax.task('proj.add', { typing: false })
    expect((await lax.send({}, [1])).message.body).toContain('[[1],{}')
  })

  it('are checked by the schema, also one that takes its time, and travel unchanged', async () => {
    const { task, send, published } = await fixture()
    task('proj.add', { schema: [z.coerce.number(), z.string().refine(async (text) => text !== 'bad')] })
    await expect(send({}, ['1', 'bad'])).rejects.toThrow('add() got invalid arguments: y')
    await expect(send({}, ['x', 'good'])).rejects.toThrow('add() got invalid arguments: x')
    expect(published).toEqual([])
    expect((await send({}, ['1', 'good'])).message.body).toContain('[["1","good"]')
  })

  it('are waited for where a schema has promises of its own', async () => {
    const { task, send } = await fixture()
    const validate = (value: unknown): unknown => ({
      then: (resolve: (result: unknown) => void) => {
        setImmediate(() => resolve(value === 1 ? { value } : { issues: [{ message: 'not one' }] }))
      },
    })
    task('proj.add', { schema: [{ '~standard': { version: 1, vendor: 'test', validate } }] as never }, (x: number) => x)
    await expect(send({}, [2])).rejects.toThrow('not one')
    expect((await send({}, [1])).message.body).toContain('[[1]')
  })

  it('that have no form are an EncodeError', async () => {
    const { send, published } = await fixture()
    await expect(send({}, [() => 1])).rejects.toThrow(EncodeError)
    await expect(send({ kwargs: { when: Promise.resolve() } })).rejects.toThrow('await it first')
    expect(published).toEqual([])
  })
})

describe('many calls', () => {
  it('leave in one go, and declare each queue once', async () => {
    const { sender, published } = await fixture()
    const calls = [{ name: 'a' }, { name: 'b', args: [1] }, { name: 'c', options: { queue: 'other' } }, { name: 'd' }]
    const results = await sender.sendMany(calls)
    expect(published.map(({ publications }) => publications.length)).toEqual([4])
    expect(published[0]?.handling.declare?.map((queue) => queue.name)).toEqual(['celery', 'other'])
    expect(published[0]?.publications.map(({ message }) => message.headers['id'])).toEqual(results.map(({ id }) => id))
    expect(await sender.sendMany([])).toEqual([])
  })

  it('are published as each of them says', async () => {
    const { sender, published } = await fixture()
    const once = { options: { retry: false } }
    await sender.sendMany([{ name: 'a' }, { name: 'b', ...once }, { name: 'c', ...once }, { name: 'd' }])
    expect(published.map(({ publications, handling }) => [publications.length, handling.retry])).toEqual([
      [1, true],
      [2, false],
      [1, true],
    ])
  })

  it('are none when one of them is wrong', async () => {
    const { sender, published } = await fixture()
    await expect(sender.sendMany([{ name: 'a' }, { name: 'b', options: { countdown: NaN } }])).rejects.toThrow(
      'countdown',
    )
    expect(published).toEqual([])
  })
})

describe('broadcast queues', () => {
  it('are published to, and not declared', async () => {
    const { send, published, queues } = await fixture()
    queues.add(createBroadcast({ name: 'all' }))
    const { exchange } = await send({ queue: 'all' })
    expect([exchange, published[0]?.handling.declare]).toEqual(['all', []])
  })
})

describe('around', () => {
  it('middleware sees, changes and refuses; the first one is outermost', async () => {
    const trail: string[] = []
    const { sender, published } = await fixture({}, [
      async (context, next) => {
        trail.push(`outer ${context.task}`)
        if (context.args[0] === 'no') throw new Error('refused')
        return next()
      },
      async (context, next) => {
        context.args = [...context.args, 'more']
        context.options = { ...context.options, queue: 'other' }
        const result = await next()
        trail.push(`inner ${String(published.length)}`)
        return result
      },
    ])
    await sender.send('proj.add', [1], {})
    await expect(sender.send('proj.add', ['no'], {})).rejects.toThrow('refused')
    await sender.sendMany([{ name: 'proj.many' }])
    expect(trail).toEqual(['outer proj.add', 'inner 1', 'outer proj.add', 'outer proj.many', 'inner 2'])
    expect(published[0]?.publications[0]).toMatchObject({ routingKey: 'other' })
    expect(published[0]?.publications[0]?.message.body).toContain('[[1,"more"]')
  })

  it('signals tell before and after', async () => {
    const { sender, published, signals } = await fixture()
    const told: [string, PublishFacts, number][] = []
    signals.on('before-task-publish', (facts) => void told.push(['before', facts, published.length]))
    signals.on('after-task-publish', (facts) => void told.push(['after', facts, published.length]))
    const [result] = await sender.sendMany([{ name: 'proj.add', args: [1] }])
    expect(told.map(([when, , count]) => [when, count])).toEqual([
      ['before', 0],
      ['after', 1],
    ])
    expect(told[0]?.[1]).toMatchObject({ task: 'proj.add', taskId: result?.id, exchange: '', routingKey: 'celery' })
    expect(told[0]?.[1].body).toMatchObject([[1], {}, {}])
    expect(told[0]?.[1].headers['id']).toBe(result?.id)
  })

  it("an error of the broker is the caller's to see, and nothing is said to be sent", async () => {
    const all = await fixture()
    const execution = active()
    let told = 0
    all.signals.on('after-task-publish', () => void (told += 1))
    all.producing = () => Promise.reject(new OperationalError('no broker'))
    await expect(runInExecution(execution, () => all.send())).rejects.toThrow('no broker')
    expect([told, execution.children]).toEqual([0, []])
  })
})

describe('idle', () => {
  it('waits for calls that are under way, whatever they wait for', async () => {
    const all = await fixture({}, [
      async (_context, next) => {
        await new Promise((resolve) => setImmediate(resolve))
        return next()
      },
    ])
    await all.sender.idle()
    const sending = [all.send(), all.sender.sendMany([{ name: 'proj.add' }])]
    await all.sender.idle()
    expect(all.published).toHaveLength(2)
    await Promise.all(sending)
  })

  it('does not wait for ever for a call that failed', async () => {
    const all = await fixture()
    all.producing = () => Promise.reject(new OperationalError('no broker'))
    const failing = expect(all.send()).rejects.toThrow('no broker')
    await all.sender.idle()
    await failing
  })
})

function active(changes: Partial<ActiveExecution> = {}): ActiveExecution {
  const facts = { taskId: 'me', rootId: 'root', priority: undefined, joinWillBlock: true, context: undefined }
  return { ...facts, children: [], ...changes }
}

it('makes ready for results that come back as messages, for calls that want them here', async () => {
  const expected: string[] = []
  const queue = createQueue('oid')
  const { sender, published } = await fixture({}, [], {
    queue,
    expect: (taskIds) => {
      expected.push(...taskIds)
      return undefined
    },
  })
  await sender.send('proj.add', [], { taskId: 'mine' })
  await sender.send('proj.add', [], { taskId: 'ignored', ignoreResult: true })
  await sender.send('proj.add', [], { taskId: 'theirs', replyTo: 'other' })
  expect(expected).toEqual(['mine'])
  expect(published.map(({ handling }) => handling.declare?.includes(queue))).toEqual([true, false, false])
})

it('says in messages where results are to come to, for calls that want them here', async () => {
  const expected: string[][] = []
  const replies: Replies = {
    expect: (taskIds) => {
      expected.push([...taskIds])
      return taskIds.length === 1 ? 'celeriac.reply.oid' : undefined
    },
  }
  const { sender, published } = await fixture({}, [], replies)
  await sender.send('proj.add', [], { taskId: 'mine' })
  // As work-flows say it.
  await sender.send('proj.add', [], { taskId: 'also-mine', replyTo: 'oid' })
  await sender.send('proj.add', [], { taskId: 'ignored', ignoreResult: true })
  await sender.send('proj.add', [], { taskId: 'theirs', replyTo: 'other' })
  await sender.sendMany([
    { name: 'proj.add', options: { taskId: 'one' } },
    { name: 'proj.add', options: { taskId: 'two' } },
  ])
  expect(expected).toEqual([['mine'], ['also-mine'], [], [], ['one', 'two']])
  const addresses = published.flatMap(({ publications }) =>
    publications.map(({ message }) => message.properties.reply_to),
  )
  expect(addresses).toEqual(['celeriac.reply.oid', 'celeriac.reply.oid', 'oid', 'other', 'oid', 'oid'])
  expect(published[0]?.handling.declare?.map(({ name }) => name)).toEqual(['celery'])
})

describe('task-sent events', () => {
  it('tell how each task was called and where it went, where the settings ask for them', async () => {
    const { sender, events, published } = await fixture({ taskSendSentEvent: true })
    await sender.sendMany([
      {
        name: 'proj.add',
        args: [2, 3],
        options: { taskId: 'a', kwargs: { z: 1 }, rootId: 'r', parentId: 'p', retries: 1 },
      },
      { name: 'proj.add', args: [], options: { taskId: 'b', eta: new Date('2030-01-01T00:00:00Z'), shadow: 'other' } },
    ])
    expect(published).toHaveLength(1)
    const place = { queue: 'celery', exchange: '', routing_key: 'celery' }
    expect(events).toEqual([
      [
        'task-sent',
        {
          ...{
            uuid: 'a',
            name: 'proj.add',
            args: '(2, 3)',
            kwargs: "{'z': 1}",
            root_id: 'r',
            parent_id: 'p',
            retries: 1,
          },
          ...{ eta: null, expires: null, ...place },
        },
      ],
      [
        'task-sent',
        {
          ...{ uuid: 'b', name: 'other', args: '()', kwargs: '{}', root_id: 'b', parent_id: null, retries: 0 },
          ...{ eta: '2030-01-01T00:00:00+00:00', expires: null, ...place },
        },
      ],
    ])
  })

  it.each([1, 2] as const)('show no argument that the task hides, with protocol %d', async (taskProtocol) => {
    const { task, send, events } = await fixture({ taskSendSentEvent: true, taskProtocol })
    task('proj.add', { hideArgs: ['x'] }, (x: number, y: number) => x + y)
    const { message } = await send()
    expect(events).toMatchObject([['task-sent', { args: "('***', 2)", kwargs: '{}' }]])
    if (taskProtocol === 2) expect(message.headers).toMatchObject({ argsrepr: "('***', 2)" })
    // What the call says of itself wins.
    await send({ argsrepr: '(?)' })
    expect(events[1]).toMatchObject(['task-sent', { args: '(?)' }])
  })

  it('are not sent otherwise, and know the calls of protocol 1', async () => {
    const silent = await fixture()
    await silent.send()
    expect(silent.events).toEqual([])
    const old = await fixture({ taskSendSentEvent: true, taskProtocol: 1 })
    await old.send({ taskId: 'a', kwargs: { z: 1 } })
    expect(old.events).toMatchObject([
      ['task-sent', { uuid: 'a', name: 'proj.add', args: '(1, 2)', kwargs: "{'z': 1}" }],
    ])
  })
})
