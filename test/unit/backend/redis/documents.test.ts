import { describe, expect, it } from 'vitest'
import { readBodies } from '../../../../src/backend/redis/documents.ts'
import type { RedisClient, RedisCommand, RedisReply, RedisReplyOptions } from '../../../../src/driver/redis.ts'

function clientThat(isCluster: boolean): { client: RedisClient; sent: RedisCommand[]; options: RedisReplyOptions[] } {
  const [sent, options]: [RedisCommand[], RedisReplyOptions[]] = [[], []]
  const answer = (key: unknown): RedisReply => (key === 'none' ? null : `body of ${String(key)}`)
  const client = {
    isCluster,
    send: async (commands: readonly RedisCommand[], how: RedisReplyOptions): Promise<RedisReply[]> => {
      sent.push(...commands)
      options.push(how)
      return commands.map(([name, ...keys]) => (name === 'GET' ? answer(keys[0]) : keys.map(answer)))
    },
  }
  return { client: client as unknown as RedisClient, sent, options }
}

describe('reading documents', () => {
  it('is one round trip, in commands that do not hold the server for long', async () => {
    const { client, sent, options } = clientThat(false)
    const keys = Array.from({ length: 1100 }, (_, index) => (index === 600 ? 'none' : `k${String(index)}`))
    const bodies = await readBodies(client, keys, true)
    expect(bodies).toEqual(keys.map((key) => (key === 'none' ? undefined : `body of ${key}`)))
    expect(sent.map(([name, ...some]) => [name, some.length])).toEqual([
      ['MGET', 500],
      ['MGET', 500],
      ['MGET', 100],
    ])
    expect(options).toEqual([{ bytes: true }])
    expect(await readBodies(client, [], false)).toEqual([])
  })

  it('asks a cluster for each one apart', async () => {
    const { client, sent } = clientThat(true)
    expect(await readBodies(client, ['a', 'none'], false)).toEqual(['body of a', undefined])
    expect(sent).toEqual([
      ['GET', 'a'],
      ['GET', 'none'],
    ])
  })
})
