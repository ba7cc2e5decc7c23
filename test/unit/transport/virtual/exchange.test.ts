import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelError } from '../../../../src/errors.ts'
import type { Publication } from '../../../../src/transport/transport.ts'
import { matchQueues, routePublications, topicMatches } from '../../../../src/transport/virtual/exchange.ts'
import { FakeStore, plainMessage } from '../../../support/fake-store.ts'

/** What AMQP says, word for word and without any cleverness. */
function naive(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return naive(rest, words) || (words.length > 0 && naive(pattern, words.slice(1)))
  return words.length > 0 && (first === '*' || first === words[0]) && naive(rest, words.slice(1))
}

describe('topicMatches', () => {
  it.each([
    ['#', '', true],
    ['#', 'a.b', true],
    ['*', '', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['a.#', 'ab', false],
    ['#.c', 'a.b.c', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.c', false],
    ['#.b.#', 'a.b.c', true],
    ['#.b.#', 'a.c', false],
    ['*.#', '', false],
    ['', '', true],
    ['', 'a', false],
    ['a', '', false],
    ['a..b', 'a..b', true],
    ['a.*.b', 'a..b', true],
    ['task.+', 'task.x', false],
    ['task.a', 'task.A', false],
  ])('%j %j is %s', (pattern, key, matches) => {
    expect(topicMatches(pattern, key)).toBe(matches)
  })

  it('agrees with the naive reading of the rules', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'aa', ''), { maxLength: 6 })
    const patterns = fc.array(fc.constantFrom('a', 'b', 'aa', '', '*', '#', '#'), { maxLength: 6 })
    fc.assert(
      fc.property(patterns, words, (pattern, key) => {
        // One empty word cannot be told from no word at all.
        fc.pre(pattern.join('.') !== '' || pattern.length === 0)
        fc.pre(key.join('.') !== '' || key.length === 0)
        expect(topicMatches(pattern.join('.'), key.join('.'))).toBe(naive(pattern, key))
      }),
      { numRuns: 3000 },
    )
  })

  it('takes no time for patterns that are made to take long', () => {
    const pattern = `${'#.a.'.repeat(30)}b`
    expect(topicMatches(pattern, 'a.'.repeat(2000) + 'c')).toBe(false)
  })
})

describe('matchQueues', () => {
  const bindings = [
    { exchange: 'x', queue: 'a', routingKey: 'task.*' },
    { exchange: 'x', queue: 'a', routingKey: 'task.one' },
    { exchange: 'x', queue: 'b', routingKey: 'task.one' },
    { exchange: 'x', queue: 'c', routingKey: '' },
  ]

  it.each([
    ['direct', 'task.one', ['a', 'b']],
    ['direct', 'task.two', []],
    ['topic', 'task.one', ['a', 'b']],
    ['topic', 'task.two', ['a']],
    ['fanout', 'whatever', ['a', 'b', 'c']],
  ] as const)('%s %s', (type, routingKey, queues) => {
    expect(matchQueues(type, bindings, routingKey)).toEqual(queues)
  })
})

describe('routePublications', () => {
  let store: FakeStore

  beforeEach(() => {
    store = new FakeStore()
  })

  const publication = (exchange: string, routingKey: string, more: Partial<Publication> = {}): Publication => ({
    exchange,
    routingKey,
    message: plainMessage(`${exchange}:${routingKey}`),
    ...more,
  })
  const queues = async (publications: readonly Publication[]) =>
    (await routePublications(store, publications)).map(({ queue }) => queue)

  it('sends to the queue named by the routing key, and asks nobody', async () => {
    const entries = await routePublications(store, [publication('', 'q', { dueMs: 5 })])
    expect(entries).toEqual([{ queue: 'q', exchange: '', routingKey: 'q', message: plainMessage(':q'), dueMs: 5 }])
    expect(store.calls).toEqual([])
  })

  it('asks once for each exchange of a batch, and anew for each batch', async () => {
    await store.declareExchange({ name: 'x', type: 'direct', durable: true, autoDelete: false })
    await store.bind({ exchange: 'x', queue: 'a', routingKey: 'k' })
    expect(await queues([publication('x', 'k'), publication('x', 'k'), publication('x', 'other')])).toEqual(['a', 'a'])
    expect(store.takeCalls()).toEqual(['getExchange x'])
    await store.bind({ exchange: 'x', queue: 'b', routingKey: 'k' })
    expect(await queues([publication('x', 'k')])).toEqual(['a', 'b'])
    expect(store.takeCalls()).toEqual(['getExchange x'])
  })

  it('asks nobody who is bound to an exchange that the store tells messages of, unless somebody must be', async () => {
    const telling = Object.assign(store, { tells: (exchange: string) => exchange === 'x' })
    await telling.declareExchange({ name: 'x', type: 'fanout', durable: true, autoDelete: false })
    const [entry, ...others] = await routePublications(telling, [publication('x', 'k')])
    expect([entry?.queue, entry?.exchange, entry?.routingKey, others]).toEqual(['', 'x', 'k', []])
    expect(telling.takeCalls()).toEqual([])
    await expect(queues([publication('x', 'k', { mandatory: true })])).rejects.toThrow(ChannelError)
  })

  it('refuses an exchange that is not declared, and a mandatory message that nobody takes', async () => {
    await expect(queues([publication('nowhere', 'k')])).rejects.toThrow(ChannelError)
    await expect(queues([publication('nowhere', 'k')])).rejects.toThrow(/"nowhere"/)
    await store.declareExchange({ name: 'x', type: 'topic', durable: true, autoDelete: false })
    expect(await queues([publication('x', 'k')])).toEqual([])
    await expect(queues([publication('x', 'k', { mandatory: true })])).rejects.toThrow(/"k" on exchange "x"/)
  })
})
