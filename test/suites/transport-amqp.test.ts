import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { amqpBeatStore } from '../../src/beat/store/amqp.ts'
import { testBeatStore } from '../../src/testing/beat-store-suite.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { beatStoreContext } from '../support/beat.ts'
import { amqpBroker } from '../support/amqp-broker.ts'
import { describeWithRabbitmq, startRabbitmq, type RabbitmqServer } from '../support/rabbitmq.ts'

describeWithRabbitmq('over RabbitMQ', () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
  })
  afterAll(() => server.stop())

  let labs = 0
  testBeatStore(
    { describe, it },
    {
      name: 'amqp',
      setup: async () => {
        labs += 1
        const filename = join(temporaryDirectory(), 'celerybeat-schedule')
        const context = { ...beatStoreContext(server.url, { filename }), scope: `app ${String(labs)}` }
        return { open: () => amqpBeatStore.open(server.url, context), remove: async () => undefined }
      },
    },
  )

  testTransport({ describe, it }, { name: 'amqp', virtual: false, setup: async () => amqpBroker(server.url) })
})
