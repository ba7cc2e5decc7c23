import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectRedis } from '../../../../src/driver/redis.ts'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { findFreePort } from '../../../support/ports.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('Sentinel', () => {
  const servers: RedisServer[] = []
  let [sentinel, master, replica]: RedisServer[] = []

  beforeAll(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    const file = join(temporaryDirectory(), 'sentinel.conf')
    const lines = [`monitor mymaster 127.0.0.1 ${String(master.port)} 1`, 'down-after-milliseconds mymaster 300']
    writeFileSync(file, lines.map((line) => `sentinel ${line}\n`).join(''))
    sentinel = await startRedis({ sentinel: file })
    servers.push(sentinel, master, replica)
    await waitFor(async () => (await sentinel!.ask('SENTINEL', 'replicas', 'mymaster')).includes(String(replica!.port)))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  async function connect(options: Record<string, unknown> = { master_name: 'mymaster' }): Promise<RedisClient> {
    const nobody = String(await findFreePort())
    return connectRedis(
      `sentinel://127.0.0.1:${nobody};sentinel://127.0.0.1:${String(sentinel!.port)}/2`,
      options,
      'Test',
    )
  }

  async function portOf(client: RedisClient): Promise<string | undefined> {
    return /tcp_port:(\d+)/.exec(String((await client.send([['INFO', 'server']]))[0]))?.[1]
  }

  it('leads to the master, and after a failover to the new one', async () => {
    const client = await connect()
    expect(await portOf(client)).toBe(String(master!.port))
    await client.send([['SET', 'key', 'value']])
    await waitFor(async () => (await replica!.ask('-n', '2', 'GET', 'key')) === 'value')
    await master!.kill()
    expect(await client.closed).toBeInstanceOf(ConnectionError)
    const next = await waitFor(async () => connect())
    expect(await portOf(next)).toBe(String(replica!.port))
    expect(
      await next.send([
        ['GET', 'key'],
        ['SET', 'key', 'new'],
      ]),
    ).toEqual(['value', 'OK'])
    await next.close()
  })

  it('says which master is not known, and which sentinel is too lonely', async () => {
    await expect(connect({ masterName: 'other' })).rejects.toThrow(
      /leads to the master "other".*knows no master "other"/,
    )
    const options = { masterName: 'mymaster', minOtherSentinels: 1 }
    await expect(connect(options)).rejects.toThrow(/sees fewer than 1 others/)
  })
})
