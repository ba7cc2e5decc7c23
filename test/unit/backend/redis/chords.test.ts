import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { ChordProgress, ChordStore, ResultBackend } from '../../../../src/backend/backend.ts'
import { BackendError } from '../../../../src/errors.ts'
import { redisBackend } from '../../../../src/backend/redis.ts'
import { bringPart } from '../../../support/chord-parts.ts'
import type { BroughtPart } from '../../../support/chord-parts.ts'
import { backendContext } from '../../../support/context.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'

const KEY = 'celery-taskset-meta-g1'

// What every store does is in src/testing/chord-suite.ts.
describeWithRedis('chords in Redis', () => {
  let server: RedisServer
  let backend: ResultBackend
  let chords: ChordStore

  beforeAll(async () => {
    server = await startRedis()
    backend = await redisBackend.open(server.url, {}, backendContext({ resultExpiresMs: 60_000 }))
    chords = backend.chords as ChordStore
  })
  afterAll(async () => {
    await backend.close()
    await server.stop()
  })
  beforeEach(async () => {
    await server.ask('FLUSHALL')
  })

  function bring(part: Partial<BroughtPart> & { readonly taskId: string }): Promise<ChordProgress> {
    return bringPart(chords, { groupId: 'g1', index: 0, status: 'SUCCESS', result: 1, claim: 'c', ...part })
  }

  it('keeps parts as Celery does', async () => {
    await chords.setChordSize('g1', 3)
    await chords.addParts('g1', 2)
    await bring({ taskId: 't1', index: 1, result: { a: [1] } })
    await bring({ taskId: 't0', index: undefined })
    expect(JSON.parse((await server.ask('ZRANGE', `${KEY}.j`, '0', '0')).trim())).toEqual([
      1,
      't1',
      'SUCCESS',
      { a: [1] },
    ])
    expect(await server.ask('ZSCORE', `${KEY}.j`, '[1,"t0","SUCCESS",1]')).toBe('inf')
    expect(await server.ask('GET', `${KEY}.s`)).toBe('3')
    expect(await server.ask('GET', `${KEY}.t`)).toBe('2')
    for (const part of ['j', 's', 't']) {
      expect(Number(await server.ask('PTTL', `${KEY}.${part}`))).toBeGreaterThan(50_000)
    }
  })

  it('counts parts that a Python worker added, and finds what it said of the same task', async () => {
    await chords.setChordSize('g1', 3)
    await server.ask('ZADD', `${KEY}.j`, '1', '[1, "t1", "SUCCESS", 1.0]')
    await server.ask('ZADD', `${KEY}.j`, '2', '[1, "t2", "SUCCESS", [2, 3]]')
    expect(await bring({ taskId: 't1', index: 1, result: 'again' })).toEqual({ kind: 'counted' })
    const progress = await bring({ taskId: 't0' })
    expect(progress.kind === 'complete' && progress.read().parts).toMatchObject([
      { taskId: 't0' },
      { taskId: 't1', result: 'again' },
      { taskId: 't2', result: [2, 3] },
    ])
  })

  it('takes a chord for sent whose keys a Python worker deleted', async () => {
    await chords.setChordSize('g1', 1)
    await server.ask('DEL', `${KEY}.j`, `${KEY}.t`, `${KEY}.s`)
    expect(await bring({ taskId: 't0' })).toEqual({ kind: 'counted' })
  })

  it('leaves of a closed chord one small key that expires', async () => {
    await chords.setChordSize('g1', 1)
    await chords.addParts('g1', 0)
    await bring({ taskId: 't0' })
    await chords.closeChords(['g1'])
    expect(await server.ask('KEYS', '*')).toBe(`${KEY}.c`)
    expect(Number(await server.ask('PTTL', `${KEY}.c`))).toBeGreaterThan(50_000)
  })

  it('counts parts of many chords in one go, and one that is broken stops no other', async () => {
    for (const groupId of ['g1', 'g2', 'g3']) await chords.setChordSize(groupId, 2)
    await server.ask('SET', 'celery-taskset-meta-g2.j', 'no sorted set')
    const bringing = ['g1', 'g2', 'g3', 'g1', 'g2', 'g3'].map((groupId, index) =>
      bring({ groupId, taskId: `t${String(index)}`, index, claim: String(index) }).then(
        ({ kind }) => kind,
        (error: unknown) => error,
      ),
    )
    const [first, broken, ...others] = await Promise.all(bringing)
    expect([first, ...others.slice(0, 2)]).toEqual(['counted', 'counted', 'complete'])
    expect([broken, others[2]]).toEqual([expect.any(BackendError), expect.any(BackendError)])
    expect(others[3]).toBe('complete')
  })

  it('is asked for in one round trip by all parts of one turn', async () => {
    await chords.setChordSize('g1', 100)
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await server.ask('INFO', 'commandstats'))?.[1])
    await bring({ taskId: 't0' })
    const before = await calls()
    await Promise.all(Array.from({ length: 99 }, (_, index) => bring({ taskId: `t${String(index + 1)}`, index })))
    expect((await calls()) - before).toBe(1)
  })

  it('counts each part once and keeps what it said last, whatever comes again in whichever round', async () => {
    const size = 6
    const part = fc.record({ place: fc.nat(size - 1), result: fc.nat(2) })
    const rounds = fc.array(fc.array(part, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 })
    const property = fc.asyncProperty(rounds, fc.subarray([...Array(size).keys()]), async (all, unnumbered) => {
      await server.ask('FLUSHALL')
      await chords.setChordSize('g1', size)
      const said = new Map<number, number>()
      for (const round of all) {
        const answers = await Promise.all(
          round.map(({ place, result }) =>
            bring({ taskId: `t${String(place)}`, index: unnumbered.includes(place) ? undefined : place, result }),
          ),
        )
        const last = answers.at(-1)
        const kinds = round.map(({ place, result }) => {
          said.set(place, result)
          return said.size === size ? 'complete' : 'counted'
        })
        expect(answers.map(({ kind }) => kind)).toEqual(kinds)
        if (last?.kind !== 'complete') continue
        const values = last.read().parts.map(({ taskId, result }) => [taskId, result])
        expect(new Map(values as [string, unknown][])).toEqual(
          new Map([...said].map(([place, result]) => [`t${String(place)}`, result])),
        )
        expect(values).toHaveLength(size)
      }
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it('lets another one send the body when the claim has lapsed', async () => {
    await chords.setChordSize('g1', 1)
    await bring({ taskId: 't0' })
    expect(await bring({ taskId: 't0', claim: 'of another' })).toMatchObject({ kind: 'claimed' })
    await server.ask('DEL', `${KEY}.c`)
    expect(await bring({ taskId: 't0', claim: 'of another' })).toMatchObject({ kind: 'complete' })
    expect(await bring({ taskId: 't0' })).toMatchObject({ kind: 'claimed' })
  })
})
