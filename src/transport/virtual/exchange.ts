/**
 * AMQP's exchanges over a store that only knows queues: which queues a routing key reaches (direct, topic, fanout), and
 * publications to queue entries. Declarations and bindings live in the store.
 */
import { ChannelError } from '../../errors.ts'
import type { Binding, ExchangeType, Publication } from '../transport.ts'
import type { QueueEntry, QueueStore } from './store.ts'

/** Does a topic pattern match a routing key? Words are between dots; `*` is one word, `#` any number of them, also none. */
export function topicMatches(pattern: string, routingKey: string): boolean {
  if (pattern === '#') return true
  return wordsMatch(wordsOf(pattern), wordsOf(routingKey))
}

/** As RabbitMQ has it: the empty text is no word, not one empty word. */
function wordsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('.')
}

/**
 * Greedy matching with one step back: a `#` first takes nothing, and one word more each time that what follows does not
 * fit. Only the last `#` ever needs to be tried again, so this is at most words × words.
 */
function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0
  let retryPattern = -1
  let retryWord = 0
  let word = 0
  while (word < words.length) {
    const part = pattern[at]
    if (part === '#') {
      retryPattern = at
      retryWord = word
      at += 1
    } else if (part === '*' || part === words[word]) {
      at += 1
      word += 1
    } else if (retryPattern !== -1) {
      retryWord += 1
      word = retryWord
      at = retryPattern + 1
    } else {
      return false
    }
  }
  while (pattern[at] === '#') at += 1
  return at === pattern.length
}

/** The queues that a message with this routing key reaches, each once. */
export function matchQueues(type: ExchangeType, bindings: readonly Binding[], routingKey: string): string[] {
  const queues = new Set<string>()
  for (const binding of bindings) {
    if (bindingMatches(type, binding, routingKey)) queues.add(binding.queue)
  }
  return [...queues]
}

function bindingMatches(type: ExchangeType, binding: Binding, routingKey: string): boolean {
  if (type === 'fanout') return true
  if (type === 'topic') return topicMatches(binding.routingKey, routingKey)
  return binding.routingKey === routingKey
}

/** Reach queues by routing key, each key looked up once. */
type Route = (routingKey: string) => readonly string[]

/**
 * The queue entries that publications become. The default exchange needs no look-up, nor one that the store tells
 * messages of. Others are read from the store anew for each call, so that what other processes have bound is seen. Throws `ChannelError` for an exchange that is
 * not declared and for a mandatory message that reaches no queue.
 */
export async function routePublications(
  store: QueueStore,
  publications: readonly Publication[],
): Promise<readonly QueueEntry[]> {
  const routes = new Map<string, Route>()
  const entries: QueueEntry[] = []
  for (const publication of publications) {
    if (publication.exchange === '') {
      entries.push(entryFor(publication, publication.routingKey))
      continue
    }
    if (publication.mandatory !== true && store.tells?.(publication.exchange) === true) {
      entries.push(entryFor(publication, ''))
      continue
    }
    let route = routes.get(publication.exchange)
    if (route === undefined) {
      route = await readRoute(store, publication.exchange)
      routes.set(publication.exchange, route)
    }
    const queues = route(publication.routingKey)
    if (queues.length === 0 && publication.mandatory === true) throw unroutable(publication)
    for (const queue of queues) entries.push(entryFor(publication, queue))
  }
  return entries
}

async function readRoute(store: QueueStore, name: string): Promise<Route> {
  const [exchange, bindings] = await Promise.all([store.getExchange(name), store.bindings(name)])
  if (exchange === undefined) throw noSuchExchange(name)
  const known = new Map<string, readonly string[]>()
  return (routingKey) => {
    let queues = known.get(routingKey)
    if (queues === undefined) {
      queues = matchQueues(exchange.type, bindings, routingKey)
      known.set(routingKey, queues)
    }
    return queues
  }
}

/** One shape for all entries, so that the store's loops stay fast. */
function entryFor(publication: Publication, queue: string): QueueEntry {
  return {
    queue,
    exchange: publication.exchange,
    routingKey: publication.routingKey,
    message: publication.message,
    dueMs: publication.dueMs,
    once: publication.once,
  }
}

/** The error of a verb that names an exchange which nobody declared. */
export function noSuchExchange(name: string): ChannelError {
  return new ChannelError(`There is no exchange "${name}": declare it first`)
}

function unroutable(publication: Publication): ChannelError {
  return new ChannelError(
    `No queue takes a message with routing key "${publication.routingKey}" on exchange "${publication.exchange}"`,
  )
}
