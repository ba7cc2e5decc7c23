import { describe, expect, it } from 'vitest'
import { Session } from '../../../../src/backend/redis/session.ts'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { BackendError, ConnectionError, OperationalError } from '../../../../src/errors.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

/** A session whose connections are numbers, and the means to lose them. */
function build(connect: (attempt: number) => void = () => undefined) {
  const clock = fakeClock()
  const losses: ((error?: Error) => void)[] = []
  const session = new Session({
    connect: async () => {
      const closed = deferred<Error | undefined>()
      const number = losses.push(closed.resolve)
      connect(number)
      return { number, closed: closed.promise, close: async () => closed.resolve(undefined) } as unknown as RedisClient
    },
    retry: { maxRetries: 2, startMs: 0, stepMs: 1000, maxMs: 1000 },
    clock,
    logger: silentLogger(),
    displayUrl: 'redis://h',
  })
  return { session, clock, losses }
}

const numberOf = async (client: RedisClient): Promise<unknown> => (client as unknown as { number: number }).number
const lost = new ConnectionError('lost')

describe('a session', () => {
  it('connects when it is first used, once', async () => {
    const { session, losses } = build()
    expect(losses).toHaveLength(0)
    expect(await Promise.all([session.use(numberOf), session.use(numberOf)])).toEqual([1, 1])
  })

  it('has a new connection after one was lost', async () => {
    const { session, losses } = build()
    await session.use(numberOf)
    losses[0]?.(lost)
    await Promise.resolve()
    expect(await session.use(numberOf)).toBe(2)
  })

  it('does again what failed with the connection, at once and then with waits, and not for ever', async () => {
    const { session, clock } = build((attempt) => {
      if (attempt < 3) throw lost
    })
    const used = session.use(numberOf)
    await clock.advance(999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(await used).toBe(3)
    const failing = session.use(async () => Promise.reject(lost)).catch((error: unknown) => error)
    await clock.advance(5000)
    expect(await failing).toBe(lost)
  })

  it('does not do again what was refused', async () => {
    const { session, losses } = build()
    const refused = new OperationalError('no room')
    await expect(session.use(async () => Promise.reject(refused))).rejects.toBe(refused)
    expect(losses).toHaveLength(1)
  })

  it('in a hurry tries nothing again, and closed does nothing', async () => {
    const { session, clock } = build(() => {
      throw lost
    })
    const waiting = session.use(numberOf).catch((error: unknown) => error)
    await clock.advance(0)
    session.hurry()
    expect(await waiting).toBe(lost)
    await session.close()
    await session.close()
    await expect(session.use(numberOf)).rejects.toThrow(BackendError)
  })
})
