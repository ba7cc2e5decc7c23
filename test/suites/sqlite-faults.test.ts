/** What happens to the embedded store when processes are killed, files are broken and disks are full. Real processes. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { storeResult } from '../../src/backend/storing.ts'
import { backendContext } from '../support/context.ts'
import { HelperProcess } from '../support/helper-process.ts'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import type { SqliteStore } from '../../src/transport/sqlite/store.ts'
import { bodies, entry, findFaults, message, openStore, query, temporaryFile } from '../support/sqlite.ts'
import { waitFor } from '../support/wait-for.ts'

const HAS_NAMESPACES = spawnSync('unshare', ['--mount', '--map-root-user', 'true']).status === 0

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function journal(path: string): unknown[][] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  // A kill may have cut the last one.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as unknown[])
}

describe('the embedded store, whatever happens', () => {
  let file: string
  const helpers: HelperProcess[] = []
  const stores: SqliteStore[] = []
  beforeEach(() => {
    file = temporaryFile()
  })
  afterEach(async () => {
    for (const helper of helpers.splice(0)) await helper.kill()
    for (const store of stores.splice(0)) await store.close()
  })

  function start(role: string, argument = '', command?: readonly string[]): HelperProcess {
    const helper = new HelperProcess('sqlite-process.ts', [role, file, argument], command)
    helpers.push(helper)
    return helper
  }

  async function open(leaseMs?: number): Promise<SqliteStore> {
    const store = await openStore(file, leaseMs === undefined ? {} : { leaseMs })
    stores.push(store)
    return store
  }

  it('loses nothing and gives nothing to two, while consumers and producers are killed', async () => {
    const folder = dirname(file)
    const deaths = new Map<string, number>()
    const paths: string[] = []
    const begin = async (role: string): Promise<{ helper: HelperProcess; path: string }> => {
      const path = join(folder, `${role}-${String(paths.length)}.log`)
      paths.push(path)
      const helper = start(role, path)
      expect(await helper.hear()).toBe('ready')
      return { helper, path }
    }
    const running = await Promise.all(['produce', 'consume', 'consume', 'consume'].map(begin))
    for (let round = 0; round < 8; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 150))
      const victim = Math.floor(Math.random() * running.length)
      const { helper, path } = running[victim]!
      // When it was sent, not when we heard of it: others may take what it held in between.
      deaths.set(path, now())
      await helper.kill()
      expect(findFaults(file)).toEqual([])
      running[victim] = await begin(victim === 0 ? 'produce' : 'consume')
    }
    await running[0]!.helper.kill()
    const store = await open()
    await waitFor(
      async () => (await store.size('q')) === 0 && query(file, 'SELECT * FROM celeriac_held').length === 0,
      {
        timeoutMs: 20_000,
      },
    )
    for (const { helper, path } of running) {
      deaths.set(path, now())
      await helper.kill()
    }

    const done = new Map<string, number>()
    const taken = new Map<string, { path: string; fromMs: number; untilMs: number; redelivered: boolean }[]>()
    for (const path of paths.filter((each) => each.includes('consume'))) {
      for (const [verb, body, atMs, redelivered] of journal(path) as [string, string, number, boolean][]) {
        const holds = taken.get(body) ?? []
        taken.set(body, holds)
        if (verb === 'take') holds.push({ path, fromMs: atMs, untilMs: deaths.get(path) ?? Infinity, redelivered })
        if (verb === 'let go') holds.findLast((hold) => hold.path === path)!.untilMs = atMs
        if (verb === 'done') done.set(body, atMs)
      }
    }
    const stored = paths.flatMap((path) =>
      journal(path).flatMap(([verb, names]) => (verb === 'put' ? (names as string[]) : [])),
    )
    expect(stored.length).toBeGreaterThan(50)
    expect(stored.filter((name) => !taken.has(name))).toEqual([])
    // Batches came whole or not at all.
    const sizes = new Map<string, number>()
    for (const name of taken.keys()) {
      const batch = name.replace(/-\d+$/, '')
      sizes.set(batch, (sizes.get(batch) ?? 0) + 1)
    }
    expect([...sizes].filter(([, size]) => size !== 7)).toEqual([])
    const faults: string[] = []
    for (const [body, holds] of taken) {
      holds.sort((a, b) => a.fromMs - b.fromMs)
      holds.forEach((hold, index) => {
        const next = holds[index + 1]
        if (next !== undefined && next.fromMs < hold.untilMs) faults.push(`${body} was held by two`)
        if (hold.fromMs > (done.get(body) ?? Infinity)) faults.push(`${body} came again after it was acknowledged`)
        if (index > 0 && holds[index - 1]!.untilMs === deaths.get(holds[index - 1]!.path) && !hold.redelivered) {
          faults.push(`${body} came again from the dead without a mark`)
        }
      })
    }
    expect(faults).toEqual([])
    expect(findFaults(file)).toEqual([])
  }, 60_000)

  it('brings back what a killed process held, and wakes those who wait', async () => {
    const store = await open()
    await store.putMany(['1', '2', '3'].map((body) => entry('q', body)))
    const holder = start('hold', '30000')
    expect(await holder.hear()).toBe(3)
    const waiting = store.waitForMessages(['q'], new AbortController().signal)
    await holder.kill()
    await waiting
    const back = await store.getMany(['q'], 9, { noAck: false })
    expect(back.map(({ redelivered, message: { body } }) => [body, redelivered])).toEqual([
      ['1', true],
      ['2', true],
      ['3', true],
    ])
  })

  it('takes nothing from a process that computes for longer than its lease', async () => {
    const store = await open(1000)
    await store.putMany(['1', '2'].map((body) => entry('q', body)))
    const holder = start('hold', '1000')
    expect(await holder.hear()).toBe(2)
    holder.tell('block')
    const endMs = now() + 2000
    while (now() < endMs) {
      expect(await store.size('q')).toBe(0)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(await holder.hear()).toBe('done')
    holder.tell('ack')
    expect(await holder.hear()).toBe('done')
    expect(query(file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 0 }])
  })

  it('hears of messages from other processes soon, and costs nothing while there are none', async () => {
    const store = await open()
    const listener = start('listen')
    expect(await listener.hear()).toBe('ready')
    const delays: number[] = []
    for (let count = 0; count < 20; count += 1) {
      const startMs = now()
      await store.putMany([entry('q', String(count))])
      const { heard, atMs } = (await listener.hear()) as { heard: string; atMs: number }
      expect(heard).toBe(String(count))
      delays.push(atMs - startMs)
    }
    delays.sort((a, b) => a - b)
    // A machine that is busy with other tests is slow; without a wake-up it would be seconds.
    expect(delays[10]).toBeLessThan(100)
    const cpu = async (): Promise<number> => {
      listener.tell('cpu')
      const { cpu: used } = (await listener.hear()) as { cpu: NodeJS.CpuUsage }
      return (used.user + used.system) / 1000
    }
    const before = await cpu()
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect((await cpu()) - before).toBeLessThan(75)
  })

  it('is made once, by however many processes at the same moment', async () => {
    const creators = Array.from({ length: 4 }, () => start('create'))
    for (const creator of creators) expect(await creator.hear()).toBe('ready')
    for (const creator of creators) creator.tell('now')
    expect(await Promise.all(creators.map((creator) => creator.hear()))).toEqual(['done', 'done', 'done', 'done'])
    const store = await open()
    expect(bodies(await store.getMany(['q'], 9, { noAck: true })).sort()).toEqual(
      creators.map(({ pid }) => String(pid)).sort(),
    )
  })

  it('lets every process write when several do so without a pause', async () => {
    const hammers = Array.from({ length: 3 }, () => start('hammer', '1500'))
    for (const each of hammers) expect(await each.hear()).toBe('ready')
    for (const each of hammers) each.tell('now')
    const reports = (await Promise.all(hammers.map((each) => each.hear()))) as { count: number; longestMs: number }[]
    const total = reports.reduce((sum, { count }) => sum + count, 0)
    for (const { count, longestMs } of reports) {
      expect(count).toBeGreaterThan(total / 3 / 4)
      expect(longestMs).toBeLessThan(1000)
    }
    // The log did not grow without bound meanwhile.
    expect(statSync(file).size).toBeGreaterThan(0)
  })

  it('waits for the lock of a process that is killed with it', async () => {
    const store = await open()
    const locker = start('lock')
    expect(await locker.hear()).toBe('ready')
    const put = store.putMany([entry('q', '1')])
    const early = await Promise.race([
      put.then(() => 'put'),
      new Promise((resolve) => setTimeout(resolve, 200, 'waits')),
    ])
    expect(early).toBe('waits')
    expect(await store.size('q')).toBe(0)
    await locker.kill()
    await put
    expect(await store.size('q')).toBe(1)
  })

  it('keeps every transaction whole when the log is cut or spoilt', async () => {
    const log = `${file}-wal`
    const producer = start('produce', join(dirname(file), 'journal'))
    expect(await producer.hear()).toBe('ready')
    await waitFor(() => existsSync(log) && statSync(log).size > 1_500_000)
    await producer.kill()
    const size = statSync(log).size
    const spoilt = openSync(log, 'r+')
    writeSync(spoilt, Buffer.alloc(500, 0x5a), 0, 500, Math.floor(size * 0.7))
    truncateSync(log, Math.floor(size * 0.8) + 13)
    const store = await open()
    expect(findFaults(file)).toEqual([])
    const names = bodies(await store.getMany(['q'], 100_000, { noAck: true })).map(String)
    expect(names.length).toBeGreaterThan(0)
    expect(names.length % 7).toBe(0)
    await store.putMany([entry('q', 'goes on')])
  })

  it('says so when the file is damaged, and does not fall over', async () => {
    const first = await openStore(file)
    await first.putMany(Array.from({ length: 2000 }, (_, index) => entry('q', `${String(index)} ${'x'.repeat(500)}`)))
    await first.close()
    // All of it into the file, where it can be spoilt.
    query(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
    const spoilt = openSync(file, 'r+')
    for (let page = 8; page < statSync(file).size / 8192; page += 1) {
      writeSync(spoilt, Buffer.alloc(4096, 0x5a), 0, 4096, page * 8192)
    }
    const use = async (): Promise<void> => {
      const store = await open()
      for (let count = 0; count < 10; count += 1) await store.getMany(['q'], 500, { noAck: false })
    }
    await expect(use()).rejects.toMatchObject({
      code: 'OPERATIONAL_ERROR',
      message: expect.stringContaining(`"${file}" is damaged`),
    })
    writeSync(spoilt, Buffer.alloc(100, 0x5a), 0, 100, 0)
    await expect(openStore(file)).rejects.toThrow(`"${file}" is not an SQLite database`)
  })

  it('may not be written: says which rights are missing', async () => {
    const folder = dirname(file)
    const first = await openStore(file)
    await first.putMany([entry('q', '1')])
    await first.close()
    // Another user may come as far as the folder.
    chmodSync(dirname(folder), 0o755)
    chmodSync(file, 0o444)
    chmodSync(folder, 0o555)
    try {
      expect(await start('intrude').hear()).toMatch(
        /^(ImproperlyConfigured|OperationalError): ".*test\.db" cannot be written: .*right/,
      )
      file = join(folder, 'new.db')
      expect(await start('intrude').hear()).toMatch(/^ImproperlyConfigured: ".*new\.db" cannot be opened: .*right/)
    } finally {
      chmodSync(folder, 0o755)
    }
  })

  it.runIf(HAS_NAMESPACES)('on a full disk stores nothing by halves, and goes on when there is room', async () => {
    const mount = join(dirname(file), 'small')
    mkdirSync(mount)
    file = join(mount, 'test.db')
    // A disk of its own for this process, which is gone with it.
    const shell = `mount -t tmpfs -o size=6m tmpfs '${mount}' && exec "$@"`
    const filler = start('fill', '', ['unshare', '--mount', '--map-root-user', 'sh', '-c', shell, 'sh'])
    const failure = (await filler.hear()) as { count: number; name: string; message: string }
    expect(failure).toMatchObject({
      name: 'OperationalError',
      message: expect.stringContaining('There is no room left'),
    })
    expect(failure.count).toBeGreaterThan(10)
    const state = (await filler.hear()) as { taken: number; waiting: number }
    expect(state.waiting + state.taken).toBe(failure.count)
    spawnSync('nsenter', [
      '--target',
      String(filler.pid),
      '--mount',
      '--user',
      'mount',
      '-o',
      'remount,size=60m',
      mount,
    ])
    filler.tell('go on')
    const { rest } = (await filler.hear()) as { rest: string[] }
    const expected = Array.from({ length: state.waiting }, (_, index) => String(state.taken + index))
    expect(rest).toEqual([...expected, 'after'])
  })

  it('carries big messages and results between processes', async () => {
    const big = 'x'.repeat(3 * 1024 * 1024)
    const [one, other] = [await open(), await open()]
    await one.putMany([
      { ...entry('q', ''), message: message(big) },
      { ...entry('q', ''), message: message(Buffer.from(big)) },
    ])
    const [text, bytes] = await other.getMany(['q'], 9, { noAck: false })
    expect(text?.message.body === big).toBe(true)
    expect(Buffer.from(bytes?.message.body as Uint8Array).equals(Buffer.from(big))).toBe(true)
    await other.ackMany([text!, bytes!])
    const backends = await Promise.all(
      [1, 2].map(() => sqliteBackend.open(`sqlite:///${file}`, {}, backendContext({ sqlite: new SqliteFiles() }))),
    )
    const meta = { task_id: 'a', status: 'SUCCESS', result: big, traceback: null, children: [], date_done: null }
    const [writer, reader] = backends
    const seen = new Promise((resolve) => reader!.watch(['a'], ({ result }) => resolve(result === big), resolve))
    await storeResult(writer!, writer!.encodeResult(meta))
    expect(await seen).toBe(true)
    for (const backend of backends) await backend.close()
  })

  it('has every result that was stored, and both of a turn or none, when a worker is killed', async () => {
    const path = join(dirname(file), 'journal')
    const worker = start('work', path)
    expect(await worker.hear()).toBe('ready')
    await waitFor(() => existsSync(path) && statSync(path).size > 500)
    await worker.kill()
    const last = Number(readFileSync(path, 'utf8').trim().split('\n').slice(0, -1).at(-1))
    const ids = query(file, 'SELECT id FROM celeriac_result').map(({ id }) => String(id))
    for (let count = 0; count <= last; count += 1) expect(ids).toContain(`x${String(count)}`)
    expect(ids.filter((id) => id.startsWith('x')).length).toBe(ids.filter((id) => id.startsWith('y')).length)
    expect(findFaults(file)).toEqual([])
  })
})
