/**
 * Which queue a task goes to: the call's own options, the routers of `taskRoutes`, the default queue, and what follows
 * from them for exchange and routing key (`celery/app/routes.py` and the sender in `celery/app/amqp.py`).
 *
 * Sending many tasks is what this is made for: without routes, and with routes by name, a call that says nothing about
 * its way costs a look into a map and makes nothing new.
 */
import type { PublishOptions } from '../canvas/options.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { Queue } from '../messaging/queue.ts'
import { camelCase } from '../util/case.ts'
import { globMatcher, isGlob } from '../util/glob.ts'
import { isRecord } from '../util/record.ts'
import { didYouMean } from '../util/suggest.ts'
import type { Queues } from './queues.ts'

/** Where a task shall go, and any other options of the call; those that the call has itself win. */
export interface RouteOptions extends Omit<PublishOptions, 'queue' | 'kwargs' | 'signal'> {
  readonly queue?: string | Queue
}

/** The name of a queue, or options. */
export type RouteTarget = string | RouteOptions

/** Decides for each call; null or undefined leaves it to the next router. */
export type RouterFunction = (
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: PublishOptions,
  task: unknown,
) => RouteTarget | null | undefined

/** Task names, or globs (`proj.video.*`), and where they go. Names come first, then globs in their order. */
export type RouteMap = Readonly<Record<string, RouteTarget>> | ReadonlyMap<string | RegExp, RouteTarget>

/** The same with an order; a regular expression is searched for anywhere in the name. */
export type RoutePair = readonly [pattern: string | RegExp, target: RouteTarget]

/** The setting `taskRoutes`: one router or a list of them, of which the first that answers decides. */
export type TaskRoutes =
  RouteMap | RouterFunction | readonly (RouteMap | RouterFunction | RoutePair | readonly RoutePair[])[]

/** The settings that routes depend on. */
export interface RouteSettings {
  readonly taskRoutes: TaskRoutes | null
  readonly taskDefaultQueue: string
  readonly taskDefaultExchange: string
  readonly taskDefaultRoutingKey: string
  readonly taskDefaultDeliveryMode: 1 | 2
}

/** The way of one call. */
export interface Route {
  /** The queue to declare; undefined where only exchange and routing key are known. */
  readonly queue: Queue | undefined
  readonly exchange: string
  readonly exchangeType: string
  readonly routingKey: string
  readonly priority: number | undefined
  readonly deliveryMode: 1 | 2
  /** What the route says besides; options of the call win over it. Undefined where it says no more. */
  readonly options: PublishOptions | undefined
}

/** A target, taken apart once. */
interface Answer {
  readonly queue: string | Queue | undefined
  readonly exchange: string | undefined
  readonly exchangeType: string | undefined
  readonly routingKey: string | undefined
  readonly priority: number | undefined
  readonly deliveryMode: 1 | 2 | undefined
  readonly rest: PublishOptions | undefined
}

/** A router of any kind, prepared. */
export type PreparedRouter = (...call: Parameters<RouterFunction>) => Answer | undefined

/** Names come from callers, so what is remembered of them must have an end. */
const MOST_REMEMBERED = 10_000

export class Router {
  readonly #settings: RouteSettings
  readonly #queues: Queues
  readonly #routers: readonly PreparedRouter[]
  /** The ways of calls without options of their own, by queue and by answer; good for one version of the queues. */
  readonly #byQueue = new Map<string, Route>()
  /** Weak, because the answer of a function is a new one each time. */
  #byAnswer = new WeakMap<Answer, Route>()
  #queuesVersion: number

  /** Throws `ImproperlyConfigured` for routes that cannot be. */
  constructor(settings: RouteSettings, queues: Queues) {
    this.#settings = settings
    this.#queues = queues
    this.#queuesVersion = queues.version
    this.#routers = settings.taskRoutes === null ? [] : readRoutes(settings.taskRoutes)
  }

  /**
   * The way of a call. `task` is handed on to router functions. Throws `QueueNotFound` for a queue that is not declared
   * where missing ones are not made, `ImproperlyConfigured` when a router function answers something that is no route.
   */
  route(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: PublishOptions,
    task?: unknown,
  ): Route {
    const answer = this.#routers.length === 0 ? undefined : this.#ask(name, args, kwargs, options, task)
    if (!isPlain(options) || (answer !== undefined && options.queue !== undefined)) {
      return this.#resolve(answer, options)
    }
    if (this.#queuesVersion !== this.#queues.version) this.#forget()
    const queue = options.queue ?? this.#settings.taskDefaultQueue
    const known = answer === undefined ? this.#byQueue.get(queue) : this.#byAnswer.get(answer)
    return known ?? this.#remember(queue, answer, this.#resolve(answer, options))
  }

  #ask(...call: Parameters<RouterFunction>): Answer | undefined {
    for (const router of this.#routers) {
      const answer = router(...call)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  #forget(): void {
    this.#byQueue.clear()
    this.#byAnswer = new WeakMap()
    this.#queuesVersion = this.#queues.version
  }

  #remember(queue: string, answer: Answer | undefined, route: Route): Route {
    if (answer !== undefined) this.#byAnswer.set(answer, route)
    else if (this.#byQueue.size < MOST_REMEMBERED) this.#byQueue.set(queue, route)
    return route
  }

  /** The call's options over the answer's, the default queue beneath, and Celery's rules for exchange and routing key. */
  #resolve(answer: Answer | undefined, options: PublishOptions): Route {
    const { taskDefaultQueue, taskDefaultExchange, taskDefaultRoutingKey, taskDefaultDeliveryMode } = this.#settings
    const explicit = options.exchange ?? answer?.exchange
    const explicitKey = options.routingKey ?? answer?.routingKey
    const named = options.queue ?? answer?.queue
    // A route may name an exchange alone; a call that does so still has the default queue beneath it.
    const goesNowhere = answer === undefined || explicit === undefined || explicitKey === undefined
    const target = named ?? (goesNowhere ? taskDefaultQueue : undefined)
    const queue = typeof target === 'string' ? this.#queues.get(target) : target
    const exchangeType = options.exchangeType ?? answer?.exchangeType ?? queue?.exchange.type ?? 'direct'
    const queueKey = queue === undefined || queue.routingKey === '' ? taskDefaultRoutingKey : queue.routingKey
    // A direct exchange needs both to be worth the detour; otherwise the queue is named directly.
    const direct = exchangeType === 'direct' && queue !== undefined && (isNothing(explicit) || isNothing(explicitKey))
    return {
      queue,
      exchange: direct ? '' : (explicit ?? queue?.exchange.name ?? taskDefaultExchange),
      exchangeType,
      routingKey: direct ? queue.name : (explicitKey ?? queueKey),
      priority: options.priority ?? answer?.priority,
      deliveryMode:
        options.deliveryMode ?? answer?.deliveryMode ?? queue?.exchange.deliveryMode ?? taskDefaultDeliveryMode,
      options: answer?.rest,
    }
  }
}

/** Does the call say nothing about its way but, perhaps, a queue? Null, from JSON and Python, is nothing too. */
function isPlain(options: PublishOptions): boolean {
  return (
    (options.exchange ?? options.routingKey ?? options.exchangeType ?? options.priority ?? options.deliveryMode) ===
    undefined
  )
}

function isNothing(text: string | undefined): boolean {
  return text === undefined || text === ''
}

/** Prepare the setting `taskRoutes`. Throws `ImproperlyConfigured` for routes that cannot be. */
export function readRoutes(routes: TaskRoutes): PreparedRouter[] {
  if (!Array.isArray(routes)) return [prepareRouter(routes)]
  const prepared: PreparedRouter[] = []
  let pairs: RoutePair[] = []
  const endPairs = (): void => {
    if (pairs.length > 0) prepared.push(prepareMap(pairs))
    pairs = []
  }
  for (const router of routes as readonly unknown[]) {
    if (isPair(router)) {
      pairs.push(router)
      continue
    }
    endPairs()
    prepared.push(prepareRouter(router))
  }
  endPairs()
  return prepared
}

function isPair(value: unknown): value is RoutePair {
  return Array.isArray(value) && value.length === 2 && (typeof value[0] === 'string' || value[0] instanceof RegExp)
}

function prepareRouter(router: unknown): PreparedRouter {
  if (typeof router === 'function') {
    return (name, ...call) => toAnswer(name, (router as RouterFunction)(name, ...call))
  }
  if (Array.isArray(router)) return prepareMap(router)
  if (router instanceof Map) return prepareMap([...(router as ReadonlyMap<string | RegExp, RouteTarget>)])
  if (isRecord(router)) return prepareMap(Object.entries(router))
  throw new ImproperlyConfigured(
    typeof router === 'string'
      ? `taskRoutes: "${router}" is no router; import the function and pass it itself`
      : 'taskRoutes: a router must be an object by task name, a list of pairs or a function',
  )
}

interface Pattern {
  readonly matches: (name: string) => boolean
  readonly answer: Answer | undefined
}

function prepareMap(pairs: readonly unknown[]): PreparedRouter {
  const exact = new Map<string, Answer | undefined>()
  const patterns: Pattern[] = []
  for (const pair of pairs) {
    if (!isPair(pair)) {
      throw new ImproperlyConfigured(
        'taskRoutes: a list of routes holds pairs such as ["proj.video.*", { queue: "video" }]',
      )
    }
    const [pattern, target] = pair
    const answer = toAnswer(String(pattern), target)
    if (pattern instanceof RegExp) patterns.push({ matches: searcher(pattern), answer })
    else if (isGlob(pattern)) patterns.push({ matches: globMatcher(pattern), answer })
    else exact.set(pattern, answer)
  }
  return patterns.length === 0 ? (name) => exact.get(name) : searchOnce(exact, patterns)
}

/** Remembers what the patterns said about a name, also that they said nothing. */
function searchOnce(exact: ReadonlyMap<string, Answer | undefined>, patterns: readonly Pattern[]): PreparedRouter {
  const remembered = new Map(exact)
  return (name) => {
    const known = remembered.get(name)
    if (known !== undefined || remembered.has(name)) return known
    const answer = patterns.find(({ matches }) => matches(name))?.answer
    if (remembered.size >= MOST_REMEMBERED + exact.size) {
      remembered.clear()
      for (const [key, value] of exact) remembered.set(key, value)
    }
    remembered.set(name, answer)
    return answer
  }
}

/** The flags g and y make a regular expression remember where it was. */
function searcher(pattern: RegExp): (name: string) => boolean {
  const stateless = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))
  return (name) => stateless.test(name)
}

const ROUTE_OPTIONS: readonly string[] = [
  ...['queue', 'exchange', 'exchangeType', 'routingKey', 'priority', 'deliveryMode', 'mandatory'],
  ...[
    'serializer',
    'compression',
    'countdown',
    'eta',
    'expires',
    'retry',
    'retryPolicy',
    'headers',
    'link',
    'linkError',
  ],
  ...[
    'taskId',
    'ignoreResult',
    'timeLimit',
    'softTimeLimit',
    'replyTo',
    'shadow',
    'argsrepr',
    'kwargsrepr',
    'addToParent',
  ],
  ...['groupId', 'groupIndex', 'rootId', 'parentId', 'stampedHeaders', 'stamps'],
]

/** Take a target apart. Null and undefined are no answer, as are fields that are. */
function toAnswer(route: string, target: unknown): Answer | undefined {
  if (target === null || target === undefined) return undefined
  const options: Record<string, unknown> = {}
  if (typeof target === 'string') options['queue'] = target
  else if (!isRecord(target)) {
    throw new ImproperlyConfigured(
      `The route of "${route}" must be the name of a queue or an object such as { queue: "video" }`,
    )
  } else {
    for (const [key, value] of Object.entries(target)) {
      const name = camelCase(key)
      if (!ROUTE_OPTIONS.includes(name)) {
        throw new ImproperlyConfigured(
          `The route of "${route}" has an unknown option "${key}"${didYouMean(name, ROUTE_OPTIONS)}`,
        )
      }
      if (value !== null && value !== undefined) options[name] = value
    }
  }
  const { queue, exchange, exchangeType, routingKey, priority, deliveryMode, ...rest } = options as RouteOptions
  return {
    queue: queue === '' ? undefined : queue,
    exchange,
    exchangeType,
    routingKey,
    priority,
    deliveryMode,
    rest: Object.keys(rest).length === 0 ? undefined : Object.freeze(rest),
  }
}
