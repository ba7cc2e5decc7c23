/** Reads documents from Redis: text where the serializer makes text, else bytes. */
import type { RedisClient, RedisReply } from '../../driver/redis.ts'
import type { Body } from '../../protocol/message.ts'

/** As many keys in one MGET: the server does nothing else meanwhile. */
const MAX_KEYS = 500

/** What lies under each key, in one round trip; undefined where there is nothing. */
export async function readBodies(
  client: RedisClient,
  keys: readonly string[],
  bytes: boolean,
): Promise<(Body | undefined)[]> {
  // The nodes of a cluster have only some of the keys each.
  if (client.isCluster)
    return (
      await client.send(
        keys.map((key) => ['GET', key] as const),
        { bytes },
      )
    ).map(bodyOf)
  const commands = chunk(keys, MAX_KEYS).map((some) => ['MGET', ...some] as const)
  const replies = await client.send(commands, { bytes })
  return replies.flatMap((reply) => (Array.isArray(reply) ? reply.map(bodyOf) : []))
}

function bodyOf(reply: RedisReply): Body | undefined {
  return typeof reply === 'string' || Buffer.isBuffer(reply) ? reply : undefined
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
