import { afterAll, beforeAll, expect, it } from 'vitest'
import { RESUME, SAVE } from '../../../../../src/beat/store/redis/scripts.ts'
import { connectRedis } from '../../../../../src/driver/redis.ts'
import type { RedisClient } from '../../../../../src/driver/redis.ts'
import { describeWithRedis, startRedis } from '../../../../support/redis.ts'
import type { RedisServer } from '../../../../support/redis.ts'

describeWithRedis('scripts of beat', () => {
  let server: RedisServer
  let client: RedisClient
  beforeAll(async () => {
    server = await startRedis()
    client = await connectRedis(server.url, {}, 'A test')
  })
  afterAll(async () => {
    await client.close()
    await server.stop()
  })

  it('keep instants to the millisecond, and names with spaces', async () => {
    await client.send([['SET', 'lock', '7']])
    const save = (due: number, runs: number) => client.run(SAVE, ['lock', 'states'], ['7', 'a b', due, runs])
    expect(await save(1_767_225_600_001, 3)).toBe(1)
    expect(await save(1_767_225_600_000, 9)).toBe(1)
    expect(await client.send([['HGET', 'states', 'a b']])).toEqual(['1767225600001 3'])
    expect(await client.run(SAVE, ['lock', 'states'], ['6', 'a b', 1_800_000_000_000, 1])).toBe(0)
  })

  it('move the mark of an entry that goes on, where it has one', async () => {
    const resume = (mark: string) =>
      client.run(RESUME, ['meta', 'states', 'paused', 'marks'], ['a b', 1_767_225_600_005, mark])
    await client.send([['HSET', 'marks', 'known', '1999999999999']])
    await resume('unknown')
    await resume('known')
    expect(await client.send([['HGETALL', 'marks']])).toEqual([['known', '1767225600005']])
    expect(await client.send([['HGET', 'states', 'a b']])).toEqual(['1767225600005 3'])
  })
})
