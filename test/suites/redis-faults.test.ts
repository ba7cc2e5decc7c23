/** What happens to messages in Redis when those who hold them are killed. Real processes, killed at random moments. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HelperProcess } from '../support/helper-process.ts'
import { describeWithRedis } from '../support/redis.ts'
import { RedisBench } from '../support/redis-transport.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

interface Running {
  readonly helper: HelperProcess
  readonly path: string
}

function journal(path: string): unknown[][] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  // A kill may have cut the last one.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as unknown[])
}

describeWithRedis('messages in Redis, while processes are killed', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())

  it('are not lost, come twice only where their owner died, and leave nothing behind', async () => {
    const folder = temporaryDirectory()
    const all: Running[] = []
    const killed = new Set<string>()
    const begin = async (role: string): Promise<Running> => {
      const path = join(folder, `${role}-${String(all.length)}.log`)
      const running = { helper: new HelperProcess('redis-process.ts', [role, bench.server.url, path]), path }
      all.push(running)
      expect(await running.helper.hear()).toBe('ready')
      return running
    }
    const running = await Promise.all(['produce', 'consume', 'consume'].map(begin))
    for (let round = 0; round < 3; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 150))
      const victim = (round + 1) % 3
      await running[victim]?.helper.kill()
      killed.add(running[victim]?.path ?? '')
      running[victim] = await begin(victim === 0 ? 'produce' : 'consume')
    }
    await running[0]?.helper.kill()
    const store = await bench.store({ leaseMs: 1200 })
    await store.startConsuming('other')
    await waitFor(async () => (await store.size('q')) === 0 && !(await bench.keys()).includes('unacked'), {
      what: 'everything to be acknowledged',
      intervalMs: 50,
    })
    for (const { helper } of all) await helper.kill()
    await waitFor(async () => (await bench.server.ask('ZCARD', 'celeriac.owners')) === '1', { intervalMs: 50 })
    await bench.closeAll()
    expect(await bench.keys()).toEqual([])

    const lines = all.flatMap(({ path }) => journal(path).map((line) => ({ path, line })))
    const put = lines.flatMap(({ line }) => (line[0] === 'put' ? (line[1] as string[]) : []))
    const done = lines.filter(({ line }) => line[0] === 'done').map(({ line }) => String(line[1]))
    // What a killed consumer was about to note counts as taken: it may have been acknowledged.
    const taken = new Set(lines.filter(({ line }) => line[0] === 'take').map(({ line }) => String(line[1])))
    expect(put.length).toBeGreaterThan(100)
    expect(put.filter((name) => !taken.has(name))).toEqual([])
    const twice = done.filter((name, index) => done.indexOf(name) !== index)
    expect(twice).toEqual([])
    // A message that comes marked has been in the hands of one who died.
    const marked = lines.filter(({ line }) => line[0] === 'take' && line[2] === true).map(({ line }) => String(line[1]))
    const ofTheDead = new Set(
      lines.filter(({ path, line }) => line[0] === 'take' && killed.has(path)).map(({ line }) => String(line[1])),
    )
    const unexplained = marked.filter((name) => !ofTheDead.has(name))
    expect(unexplained.length).toBeLessThanOrEqual(40 * killed.size)
  })
})
