/** `celeriac amqp` over a real RabbitMQ: what it refuses is told of, and the shell goes on. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeProject, runCli } from '../support/cli.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import type { RabbitmqServer } from '../support/rabbitmq.ts'

describeWithRabbitmq('amqp', () => {
  let rabbitmq: RabbitmqServer
  beforeAll(async () => {
    rabbitmq = await startRabbitmq()
  }, 90_000)
  afterAll(() => rabbitmq.stop())

  it('declares, publishes, gets, and survives refusals', async () => {
    const lines = [
      ...['exchange.declare x topic no yes', 'queue.declare q no yes', 'queue.bind q x a.*'],
      ...['basic.publish "one two" x a.b', 'basic.publish lost x nowhere yes', 'queue.delete q no yes'],
      ...['exchange.delete x yes', 'queue.declare q yes', 'queue.declare nowhere yes'],
      ...['basic.get q', 'basic.ack 1', 'basic.get q', 'queue.delete q yes yes', 'exchange.delete x'],
    ]
    const { code, stdout, stderr } = await runCli(['-q', '-b', rabbitmq.url, 'amqp', '--json'], {
      cwd: makeProject({}),
      input: lines.map((line) => `${line}\n`).join(''),
    })
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(answers).toEqual([
      { ok: true },
      { queue: 'q', messages: 0, consumers: 0 },
      { ok: true },
      { ok: true },
      { queue: 'q', messages: 1 },
      expect.objectContaining({ body: 'one two', delivery_info: expect.objectContaining({ routing_key: 'a.b' }) }),
      { ok: true },
      null,
      { messages: 0 },
      { ok: true },
    ])
    expect(code).toBe(1)
    const errors = stderr.trim().split('\n')
    expect(errors).toHaveLength(4)
    expect(errors[1]).toMatch(/q/)
    expect(errors[3]).toMatch(/no queue 'nowhere'/)
  })
})
