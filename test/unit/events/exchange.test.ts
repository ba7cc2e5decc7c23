import { expect, it } from 'vitest'
import { eventExchange } from '../../../src/events/exchange.ts'

it('is a topic exchange, or a fanout one where those look at routing keys', () => {
  expect(eventExchange({ events: 'topic' })).toMatchObject({ name: 'celeryev', type: 'topic', durable: true })
  expect(eventExchange({ events: 'fanout' }, 'mine')).toMatchObject({ name: 'mine', type: 'fanout', durable: true })
})
