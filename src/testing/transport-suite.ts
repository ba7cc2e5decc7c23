/**
 * What every transport must do, as tests. Whoever writes a transport runs this over it: hand in the runner's `describe`
 * and `it`, and a function that makes a broker to test against.
 */
import type { TestRunner } from './suite.ts'
import { testAcknowledgement } from './transport/acknowledgement.ts'
import { Bench } from './transport/bench.ts'
import type { BrokerUnderTest, Test } from './transport/bench.ts'
import { testChaos } from './transport/chaos.ts'
import { testConsumers } from './transport/consumers.ts'
import { testEnds } from './transport/ends.ts'
import { testExchanges } from './transport/exchanges.ts'
import { testMessages, testOrder } from './transport/messages.ts'
import { testVirtual } from './transport/virtual.ts'

export type { BrokerUnderTest }

export interface TransportSuiteOptions {
  readonly name: string
  setup(): Promise<BrokerUnderTest>
  /**
   * The broker is a store beneath the virtual channel: a queue that is published to springs into being, exchanges are
   * looked up, a reject may leave no mark. Default true; false for brokers that speak AMQP themselves.
   */
  readonly virtual?: boolean
}

/** Declare the suite with the runner's functions. */
export function testTransport(runner: TestRunner, options: TransportSuiteOptions): void {
  const test: Test = (name, body) => {
    runner.it(name, async () => {
      const broker = await options.setup()
      const bench = new Bench(broker)
      try {
        await body(bench)
      } finally {
        await bench.close()
        await broker.remove()
      }
    })
  }
  const parts: readonly [name: string, declare: (test: Test) => void][] = [
    ['queues and messages', testMessages],
    ['order', testOrder],
    ['acknowledgement', testAcknowledgement],
    ['consumers', testConsumers],
    ['exchanges', testExchanges],
    ['ends', testEnds],
    ['chaos', testChaos],
  ]
  runner.describe(`transport ${options.name}`, () => {
    for (const [name, declare] of options.virtual === false
      ? parts
      : [...parts, ['virtual channel', testVirtual] as const]) {
      runner.describe(name, () => {
        declare(test)
      })
    }
  })
}
