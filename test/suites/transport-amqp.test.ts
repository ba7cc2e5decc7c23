import { afterAll, beforeAll, describe, it } from 'vitest'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { amqpBroker } from '../support/amqp-broker.ts'
import { describeWithRabbitmq, startRabbitmq, type RabbitmqServer } from '../support/rabbitmq.ts'

describeWithRabbitmq('over RabbitMQ', () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
  })
  afterAll(() => server.stop())

  testTransport({ describe, it }, { name: 'amqp', virtual: false, setup: async () => amqpBroker(server.url) })
})
