import { describe, expect, it, vi } from 'vitest'
import { Queues } from '../../../src/app/queues.ts'
import type { QueueSettings } from '../../../src/app/queues.ts'
import { Router, readRoutes } from '../../../src/app/routes.ts'
import type { Route, RouteTarget, TaskRoutes } from '../../../src/app/routes.ts'
import type { PublishOptions } from '../../../src/canvas/options.ts'
import { ImproperlyConfigured, QueueNotFound } from '../../../src/errors.ts'
import { createQueue } from '../../../src/messaging/queue.ts'

const settings = {
  taskDefaultQueue: 'celery',
  taskDefaultExchange: 'celery',
  taskDefaultRoutingKey: 'celery',
  taskDefaultDeliveryMode: 2,
} as const

const queueSettings: QueueSettings = {
  ...settings,
  taskQueues: [
    { name: 'celery' },
    { name: 'media', exchange: 'media', exchangeType: 'topic', routingKey: 'media.#' },
    { name: 'fan', exchange: { name: 'fan', type: 'fanout', deliveryMode: 1 } },
  ],
  taskQueueMaxPriority: null,
  taskCreateMissingQueues: true,
  taskCreateMissingQueueType: 'classic',
  taskCreateMissingQueueExchangeType: null,
  taskDefaultQueueType: 'classic',
  taskDefaultExchangeType: 'direct',
}

function routerOf(taskRoutes: TaskRoutes | null, more: Partial<QueueSettings> = {}): Router {
  return new Router({ ...settings, taskRoutes }, new Queues({ ...queueSettings, ...more }))
}

function routeOf(taskRoutes: TaskRoutes | null, name: string, options: PublishOptions = {}): Route {
  return routerOf(taskRoutes).route(name, [], {}, options)
}

/** Exchange, routing key, name of the queue to declare. */
function wayOf(taskRoutes: TaskRoutes | null, name: string, options: PublishOptions = {}): (string | undefined)[] {
  const { exchange, routingKey, queue } = routeOf(taskRoutes, name, options)
  return [exchange, routingKey, queue?.name]
}

describe('without routes', () => {
  it('goes to the default queue', () => {
    expect(routeOf(null, 'proj.add')).toMatchObject({
      exchange: '',
      exchangeType: 'direct',
      routingKey: 'celery',
      priority: undefined,
      deliveryMode: 2,
      options: undefined,
      queue: { name: 'celery' },
    })
  })

  it('makes nothing new for a call that says nothing of its way, or only a queue', () => {
    const router = routerOf(null)
    expect(router.route('a', [], {}, {})).toBe(router.route('b', [1], { x: 1 }, { countdown: 5 }))
    expect(router.route('a', [], {}, { queue: 'media' })).toBe(router.route('b', [], {}, { queue: 'media' }))
  })

  it.each<[PublishOptions, (string | undefined)[]]>([
    [{ queue: 'new' }, ['', 'new', 'new']],
    [{ queue: 'media' }, ['media', 'media.#', 'media']],
    [{ queue: 'media', routingKey: 'media.video' }, ['media', 'media.video', 'media']],
    [{ queue: 'fan' }, ['fan', 'celery', 'fan']],
    // Celery's rules for direct exchanges: one of the two alone counts for nothing.
    [{ routingKey: 'key' }, ['', 'celery', 'celery']],
    [{ exchange: 'ex' }, ['', 'celery', 'celery']],
    [{ exchange: 'ex', routingKey: 'key' }, ['ex', 'key', 'celery']],
    [{ exchange: 'ex', exchangeType: 'topic' }, ['ex', 'celery', 'celery']],
    [{ queue: 'new', exchangeType: 'topic', routingKey: 'key' }, ['new', 'key', 'new']],
  ])('follows the options %j', (options, way) => {
    expect(wayOf(null, 'proj.add', options)).toEqual(way)
  })

  it('passes priority and delivery mode on', () => {
    expect(routeOf(null, 'a', { priority: 0, deliveryMode: 1 })).toMatchObject({ priority: 0, deliveryMode: 1 })
    expect(routeOf(null, 'a', { queue: 'fan' }).deliveryMode).toBe(1)
  })

  it('notices that a queue was replaced', () => {
    const queues = new Queues(queueSettings)
    const router = new Router({ ...settings, taskRoutes: { 'proj.*': 'media' } }, queues)
    const before = router.route('proj.add', [], {}, {})
    expect(router.route('proj.add', [], {}, {})).toBe(before)
    queues.add({ name: 'media', exchange: 'other', exchangeType: 'topic', routingKey: 'key' })
    expect(router.route('proj.add', [], {}, {})).toMatchObject({ exchange: 'other', routingKey: 'key' })
    expect(router.route('elsewhere', [], {}, { queue: 'media' })).toMatchObject({ exchange: 'other' })
  })

  it('says which queue is not declared', () => {
    const router = routerOf(null, { taskCreateMissingQueues: false })
    expect(() => router.route('a', [], {}, { queue: 'new' })).toThrow(QueueNotFound)
  })
})

describe('routes by name', () => {
  const routes = { 'proj.*': 'globbed', 'proj.add': 'exact', 'other.?': { queue: 'one' }, '*.video': 'never' }

  it.each([
    ['proj.add', 'exact'],
    ['proj.video', 'globbed'],
    ['other.x', 'one'],
    ['other.xy', 'celery'],
    ['constructor', 'celery'],
  ])('sends %s to %s', (name, queue) => {
    expect(wayOf(routes, name)).toEqual(['', queue, queue])
  })

  it('may be pairs, nested pairs or a Map, with regular expressions', () => {
    const pairs = [
      ['proj.*', 'first'],
      [/vid/g, 'second'],
      ['proj.exact', 'third'],
    ] as const
    for (const given of [pairs, [pairs], new Map<string | RegExp, RouteTarget>(pairs)] satisfies TaskRoutes[]) {
      const router = routerOf(given)
      const queueOf = (name: string): string | undefined => router.route(name, [], {}, {}).queue?.name
      expect(['proj.x', 'a.video', 'b.video', 'proj.exact', 'no'].map(queueOf)).toEqual([
        'first',
        'second',
        'second',
        'third',
        'celery',
      ])
    }
  })

  it('ask one router after the other', () => {
    const given: TaskRoutes = [{ a: 'one' }, (name) => (name === 'a' ? 'two' : null), ['b', 'three'], { b: 'four' }]
    expect(wayOf(given, 'a')[1]).toBe('one')
    expect(wayOf(given, 'b')[1]).toBe('three')
  })

  it('are searched once for each name', () => {
    const router = routerOf([[/^proj\./, 'video']])
    const search = vi.spyOn(RegExp.prototype, 'test')
    try {
      const first = router.route('proj.add', [], {}, {})
      expect(router.route('proj.add', [], {}, { countdown: 1 })).toBe(first)
      expect(router.route('proj.mul', [], {}, {})).toBe(first)
      router.route('none', [], {}, {})
      router.route('none', [], {}, {})
      expect(search).toHaveBeenCalledTimes(3)
    } finally {
      search.mockRestore()
    }
  })

  it('take any number of names without growing for ever', () => {
    const router = routerOf([[/^proj\./, 'video']], {})
    const exact = routerOf({ 'proj.*': 'video', exact: 'exact' })
    const search = vi.spyOn(RegExp.prototype, 'test')
    try {
      for (let index = 0; index <= 10_000; index += 1) {
        router.route(`proj.${String(index)}`, [], {}, {})
        exact.route(`proj.${String(index)}`, [], {}, {})
      }
      search.mockClear()
      router.route('proj.0', [], {}, {})
      expect(search).toHaveBeenCalledTimes(1)
    } finally {
      search.mockRestore()
    }
    expect(exact.route('exact', [], {}, {}).routingKey).toBe('exact')
    expect(exact.route('proj.1', [], {}, {}).routingKey).toBe('video')
  })

  it('do not mix up calls with and without a queue', () => {
    const router = routerOf({ a: 'video' })
    const queueOf = (options: PublishOptions): string | undefined => router.route('a', [], {}, options).queue?.name
    expect([{}, { queue: 'new' }, {}, { queue: 'other' }].map(queueOf)).toEqual(['video', 'new', 'video', 'other'])
  })

  it('stand beneath the options of the call', () => {
    const route = {
      'proj.*': { queue: 'media', routing_key: 'media.x', priority: 3, serializer: 'yaml', expires: null },
    }
    const given = route as unknown as TaskRoutes
    expect(routeOf(given, 'proj.add')).toMatchObject({
      exchange: 'media',
      routingKey: 'media.x',
      priority: 3,
      options: { serializer: 'yaml' },
    })
    expect(routeOf(given, 'proj.add', { priority: 9, routingKey: 'media.y' })).toMatchObject({
      routingKey: 'media.y',
      priority: 9,
    })
    // An explicit queue wins, and the route's exchange and routing key stay, as in Celery.
    expect(wayOf({ a: { queue: 'media', exchange: 'ex', routingKey: 'key' } }, 'a', { queue: 'new' })).toEqual([
      'ex',
      'key',
      'new',
    ])
    expect(wayOf({ a: 'media' }, 'a', { queue: 'new' })).toEqual(['', 'new', 'new'])
  })

  it('may name an exchange instead of a queue', () => {
    expect(wayOf({ a: { exchange: 'ex', routingKey: 'key' } }, 'a')).toEqual(['ex', 'key', undefined])
    expect(wayOf({ a: { exchange: 'ex' } }, 'a')).toEqual(['', 'celery', 'celery'])
    expect(wayOf({ a: { priority: 5 } }, 'a')).toEqual(['', 'celery', 'celery'])
  })

  it('may name a queue that is not in the settings', () => {
    expect(
      wayOf(
        { a: { queue: createQueue({ name: 'q', exchange: { name: 'ex', type: 'topic' }, routingKey: 'k' }) } },
        'a',
      ),
    ).toEqual(['ex', 'k', 'q'])
  })
})

describe('router functions', () => {
  it('see the whole call', () => {
    const seen: unknown[] = []
    const router = routerOf((...call) => {
      seen.push(call)
      return undefined
    })
    const options = { priority: 1 }
    expect(router.route('a', [1], { x: 2 }, options, 'task').routingKey).toBe('celery')
    expect(seen).toEqual([['a', [1], { x: 2 }, options, 'task']])
  })

  it('answer anew each time', () => {
    let turn = 0
    const router = routerOf(() => ({ queue: `q${String((turn += 1))}` }))
    expect([1, 2].map(() => router.route('a', [], {}, {}).queue?.name)).toEqual(['q1', 'q2'])
  })

  it('must answer a route', () => {
    const router = routerOf((() => 5) as unknown as TaskRoutes)
    expect(() => router.route('a', [], {}, {})).toThrow(
      new ImproperlyConfigured('The route of "a" must be the name of a queue or an object such as { queue: "video" }'),
    )
  })
})

describe('readRoutes', () => {
  it.each<[unknown, RegExp]>([
    [['proj.routes.router'], /"proj\.routes\.router" is no router/],
    [[5], /must be an object by task name/],
    [[[['a', 'b'], 5]], /holds pairs/],
    [{ a: 5 }, /The route of "a" must be/],
    [{ 'a.*': { queu: 'x' } }, /route of "a\.\*" has an unknown option "queu"; did you mean "queue"\?/],
    [{ a: { routing_kye: 'x' } }, /unknown option "routing_kye"; did you mean "routingKey"\?/],
  ])('refuses %j', (routes, message) => {
    expect(() => readRoutes(routes as TaskRoutes)).toThrow(ImproperlyConfigured)
    expect(() => readRoutes(routes as TaskRoutes)).toThrow(message)
  })
})
