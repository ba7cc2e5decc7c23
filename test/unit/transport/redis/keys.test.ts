import { describe, expect, it } from 'vitest'
import { DEFAULT_NAMES, fanoutPrefix, Keys } from '../../../../src/transport/redis/keys.ts'
import { keys } from '../../../support/redis-transport.ts'

const SEPARATOR = '\u0006\u0016'

describe('the keys of Redis', () => {
  it('are kombu’s', () => {
    expect([keys().unacked, keys().unackedIndex]).toEqual(['unacked', 'unacked_index'])
    expect(keys().list('celery', 0)).toBe('celery')
    expect(keys().list('celery', 3)).toBe(`celery${SEPARATOR}3`)
    expect(keys().bindings('celery')).toBe('_kombu.binding.celery')
    expect(keys().channel('celery.pidbox', '')).toBe('/0.celery.pidbox')
    expect(keys().channel('celeryev', 'worker.online')).toBe('/0.celeryev/worker.online')
  })

  it('all have the prefix in front', () => {
    const prefixed = keys({ prefix: 'app:' })
    const { unacked, unackedIndex, owners, due, exchanges, autoDelete } = prefixed
    const all = [unacked, unackedIndex, owners, due, exchanges, autoDelete, prefixed.parked('q'), prefixed.owned('o')]
    for (const key of [
      ...all,
      prefixed.inbox('o', 'q'),
      prefixed.list('q', 3),
      prefixed.bindings('x'),
      prefixed.channel('x', 'k'),
    ]) {
      expect(key).toMatch(/^app:/)
    }
  })

  it('has a list for the greatest step that is not above the priority', () => {
    expect([0, 1, 2, 3, 5, 6, 8, 9, 10, 255].map((priority) => keys().step(priority))).toEqual([
      0, 0, 0, 3, 3, 6, 6, 9, 9, 9,
    ])
    expect([undefined, null, 'high', -1, 4.7].map((priority) => keys().step(priority))).toEqual([0, 0, 0, 0, 3])
    expect(new Keys({ ...DEFAULT_NAMES, fanoutPrefix: '', prioritySteps: [0, 5] }).step(7)).toBe(5)
  })

  it('serves all queues of one step before the next', () => {
    const two = keys({ prioritySteps: [0, 3] })
    expect(two.lists(['a', 'b'])).toEqual(['a', 'b', `a${SEPARATOR}3`, `b${SEPARATOR}3`])
    expect(two.watched(['a'])).toEqual(['a', `a${SEPARATOR}3`, 'celeriac.due'])
  })

  it.each([
    ['direct', 'k', `k${SEPARATOR}${SEPARATOR}q`],
    ['fanout', '', `${SEPARATOR}${SEPARATOR}q`],
    ['topic', 'task.*', `task.*${SEPARATOR}^task\\..*?[^\\.]$${SEPARATOR}q`],
    ['topic', 'a-b.#', `a-b.#${SEPARATOR}^a\\-b\\..*?$${SEPARATOR}q`],
  ] as const)('writes a binding to a %s exchange as kombu does', (type, routingKey, member) => {
    expect(keys().bindingMember({ exchange: 'x', queue: 'q', routingKey }, type)).toBe(member)
    expect(keys().parseBinding(member)).toEqual({ queue: 'q', routingKey })
  })

  it('reads nothing from what is no binding', () => {
    expect(keys().parseBinding('something else')).toBeUndefined()
  })

  it('listens to the patterns of a routing key, and to everything without one', () => {
    expect(keys().channelPatterns('celeryev', 'worker.#')).toEqual(['/0.celeryev/worker.*'])
    expect(keys().channelPatterns('x', '')).toEqual(['/0.x', '/0.x/*'])
    expect(keys({ fanoutPatterns: false }).channelPatterns('x', 'k')).toEqual(['/0.x'])
  })

  it('has the database in its channels, unless told otherwise', () => {
    expect([fanoutPrefix(true, 3), fanoutPrefix(false, 3), fanoutPrefix('/a{db}.', 3)]).toEqual(['/3.', '', '/a3.'])
  })
})
