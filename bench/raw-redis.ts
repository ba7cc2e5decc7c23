/**
 * The limit over Redis: the least that a worker must do for a task with Celery's keys, in a bare loop on the client
 * library that the product uses. Messages are taken and noted as unacknowledged in one step, each is read, its result
 * document is written and told, and it is acknowledged; one round trip does all that for a batch. No processes, no
 * promises.
 */
import { createClient } from '@redis/client'
import { ENVELOPE, createId } from './support/messages.ts'
import { timed } from './support/statistics.ts'
import type { RawRates } from './support/statistics.ts'

/** As many as the load generator sends in one call. */
const PUSH_BATCH = 1_000
/** As many as a worker with `-c 100` takes at a time. */
const TAKE_BATCH = 400
const EXPIRES_SECONDS = 86_400
const QUEUE = 'bare'

/** KEYS: queue, unacked, unacked_index. ARGV: how many, the time, what delivery tags begin with. Answers messages. */
const TAKE = `
local messages = redis.call('RPOP', KEYS[1], ARGV[1])
if not messages then return {} end
local fields, scores = {}, {}
for index, message in ipairs(messages) do
  local tag = ARGV[3] .. index
  fields[#fields + 1] = tag
  fields[#fields + 1] = message
  scores[#scores + 1] = ARGV[2]
  scores[#scores + 1] = tag
end
redis.call('HSET', KEYS[2], unpack(fields))
redis.call('ZADD', KEYS[3], unpack(scores))
return messages`

type Client = ReturnType<typeof open>
type Command = readonly string[]

export async function measureRawRedis(port: number, tasks: number): Promise<RawRates> {
  const client = open(port)
  await client.connect()
  try {
    const each = Math.ceil(tasks / 10)
    const eachSeconds = await timed(() => pushEach(client, each))
    const bulkSeconds = await timed(() => pushBulk(client, tasks))
    const drainSeconds = await timed(() => drain(client, each + tasks))
    return {
      eachPerSecond: each / eachSeconds,
      bulkPerSecond: tasks / bulkSeconds,
      drainPerSecond: (each + tasks) / drainSeconds,
    }
  } finally {
    client.destroy()
  }
}

function open(port: number) {
  return createClient({ socket: { host: '127.0.0.1', port } })
}

async function pushEach(client: Client, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) await client.lPush(QUEUE, createEnvelope(number))
}

async function pushBulk(client: Client, count: number): Promise<void> {
  for (let done = 0; done < count; done += PUSH_BATCH) {
    const size = Math.min(PUSH_BATCH, count - done)
    await send(
      client,
      Array.from({ length: size }, (_, index) => ['LPUSH', QUEUE, createEnvelope(done + index)]),
    )
  }
}

/** What is taken in one turn is answered in the next, with the commands that take more. */
async function drain(client: Client, count: number): Promise<void> {
  const script = await client.scriptLoad(TAKE)
  let taken: readonly string[] = []
  let tags: readonly string[] = []
  for (let done = 0, turn = 0; done < count || taken.length > 0; turn += 1) {
    const prefix = `${String(turn)}-`
    const replies = await send(client, [
      ...taken.flatMap(answer),
      ...(tags.length > 0
        ? [
            ['HDEL', 'unacked', ...tags],
            ['ZREM', 'unacked_index', ...tags],
          ]
        : []),
      [
        'EVALSHA',
        script,
        '3',
        QUEUE,
        'unacked',
        'unacked_index',
        String(TAKE_BATCH),
        String(Date.now() / 1000),
        prefix,
      ],
    ])
    taken = replies.at(-1) as string[]
    tags = taken.map((_, index) => prefix + String(index + 1))
    done += taken.length
  }
}

/** Read a message, run the task, write and tell its result. */
function answer(envelope: string): Command[] {
  const { body, headers } = JSON.parse(envelope) as { body: string; headers: { id: string } }
  const [[result]] = JSON.parse(Buffer.from(body, 'base64').toString()) as [[number]]
  const document = JSON.stringify({
    status: 'SUCCESS',
    result,
    traceback: null,
    children: [],
    date_done: new Date().toISOString(),
    task_id: headers.id,
  })
  const key = `celery-task-meta-${headers.id}`
  return [
    ['SETEX', key, String(EXPIRES_SECONDS), document],
    ['PUBLISH', key, document],
  ]
}

/** As celeriac writes them, with nothing encoded that is the same in all. */
function createEnvelope(number: number): string {
  return ENVELOPE.replaceAll('<id>', createId(number))
}

async function send(client: Client, commands: readonly Command[]): Promise<unknown[]> {
  const batch = client.multi()
  for (const command of commands) batch.addCommand([...command])
  return batch.execAsPipeline()
}
