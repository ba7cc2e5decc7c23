/**
 * The limit over RabbitMQ: messages as celeriac writes them are published with confirms, consumed, and acknowledged, in
 * a bare loop on the client library that the product uses. Nothing is decoded, and no task runs.
 */
import { connect } from 'amqplib'
import type { ConfirmChannel, Options } from 'amqplib'
import { BODY, createHeaders, createId } from './support/messages.ts'
import { timed } from './support/statistics.ts'
import type { RawRates } from './support/statistics.ts'

/** As many as the load generator sends in one call. */
const PUBLISH_BATCH = 1_000
/** As many as a worker with `-c 100` may hold. */
const PREFETCH = 400
const QUEUE = 'bare'
const CONTENT = Buffer.from(BODY)

export async function measureRawRabbitmq(port: number, tasks: number): Promise<RawRates> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${String(port)}`, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(QUEUE, { durable: true })
  try {
    const each = Math.ceil(tasks / 10)
    const eachSeconds = await timed(() => publishEach(channel, each))
    const bulkSeconds = await timed(() => publishBulk(channel, tasks))
    const drainSeconds = await timed(() => drain(channel, each + tasks))
    return {
      eachPerSecond: each / eachSeconds,
      bulkPerSecond: tasks / bulkSeconds,
      drainPerSecond: (each + tasks) / drainSeconds,
    }
  } finally {
    await channel.deleteQueue(QUEUE)
    await connection.close()
  }
}

async function publishEach(channel: ConfirmChannel, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    channel.publish('', QUEUE, CONTENT, createProperties(number))
    await channel.waitForConfirms()
  }
}

async function publishBulk(channel: ConfirmChannel, count: number): Promise<void> {
  for (let done = 0; done < count; done += PUBLISH_BATCH) {
    const end = Math.min(done + PUBLISH_BATCH, count)
    for (let number = done; number < end; number += 1) {
      channel.publish('', QUEUE, CONTENT, createProperties(number))
    }
    await channel.waitForConfirms()
  }
}

/** What came in one turn of the event loop is acknowledged with one frame. */
async function drain(channel: ConfirmChannel, count: number): Promise<void> {
  await channel.prefetch(PREFETCH)
  let done = 0
  let consumerTag = ''
  await new Promise<void>((resolve, reject) => {
    let isPlanned = false
    const consuming = channel.consume(QUEUE, (message) => {
      if (message === null) return reject(new Error('RabbitMQ has cancelled the consumer'))
      done += 1
      if (isPlanned) return
      isPlanned = true
      setImmediate(() => {
        isPlanned = false
        channel.ackAll()
        if (done === count) resolve()
      })
    })
    consuming.then((reply) => (consumerTag = reply.consumerTag)).catch(reject)
  })
  await channel.cancel(consumerTag)
}

function createProperties(number: number): Options.Publish {
  const id = createId(number)
  return {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
    correlationId: id,
    headers: createHeaders(id),
  }
}
