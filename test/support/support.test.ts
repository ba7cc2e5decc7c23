/** The helpers of the tests are trusted by all of them, so they have tests of their own. */
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { fakeClock } from './fake-clock.ts'
import { findFreePort } from './ports.ts'
import { totalsLine } from './reporter.ts'
import { APPEND_ONLY, describeWithRedis, startRedis } from './redis.ts'
import { accepts } from './server.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

describe('waitFor', () => {
  it('answers what the condition answers, zero and empty texts too', async () => {
    let looks = 0
    expect(await waitFor(() => (++looks === 3 ? 'yes' : undefined))).toBe('yes')
    expect(await waitFor(() => 0)).toBe(0)
    expect(await waitFor(async () => '')).toBe('')
  })

  it('looks again after an error, and gives it as the cause in the end', async () => {
    let looks = 0
    const shaky = (): string => {
      if (++looks < 3) throw new Error('not yet')
      return 'now'
    }
    expect(await waitFor(shaky)).toBe('now')
    const error = await waitFor(
      () => {
        throw new RangeError('never')
      },
      { timeoutMs: 20, what: 'a wonder' },
    ).catch((reason: unknown) => reason as Error)
    expect(error).toMatchObject({ message: 'Waited 20 ms in vain for a wonder', cause: new RangeError('never') })
  })
})

describe('fakeClock', () => {
  it('calls timers in the order they are due, also those set on the way', async () => {
    const clock = fakeClock(1000)
    const seen: [string, number][] = []
    const note = (name: string) => () => seen.push([name, clock.now()])
    clock.after(20, note('b'))
    clock.after(10, () => {
      note('a')()
      void Promise.resolve().then(() => clock.after(5, note('a2')))
    })
    clock.after(15, note('never')).cancel()
    clock.after(31, note('later'))
    await clock.advance(30)
    expect(seen).toEqual([
      ['a', 1010],
      ['a2', 1015],
      ['b', 1020],
    ])
    expect([clock.now(), clock.monotonic(), clock.pending]).toEqual([1030, 30, 1])
  })
})

describe('temporaryDirectory', () => {
  it('is a new folder each time', () => {
    const [first, second] = [temporaryDirectory(), temporaryDirectory()]
    expect(first).not.toBe(second)
    expect(existsSync(first) && existsSync(second)).toBe(true)
  })
})

describe('findFreePort', () => {
  it('finds a port that nobody listens on', async () => {
    const port = await findFreePort()
    const refused = new Promise((resolve) => connect(port, '127.0.0.1').once('error', resolve))
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describeWithRedis('startRedis', () => {
  it('starts a server of its own and stops it', async () => {
    const server = await startRedis()
    expect(await server.ask('PING')).toBe('PONG')
    await server.stop()
    await server.stop()
    expect(await accepts(server.port)).toBe(false)
  })

  it('kills it, starts it again with what it had, and makes it stand still', async () => {
    const server = await startRedis({ args: APPEND_ONLY })
    await server.ask('SET', 'kept', 'yes')
    await server.kill()
    await server.start()
    expect(await server.ask('GET', 'kept')).toBe('yes')
    server.pause()
    const answer = server.ask('GET', 'kept')
    expect(await Promise.race([answer, sleep(50, 'nothing')])).toBe('nothing')
    server.resume()
    expect(await answer).toBe('yes')
    server.pause()
    await server.restart()
    expect(await server.ask('GET', 'kept')).toBe('yes')
    await server.stop()
  })
})

describe('the last line of a test run', () => {
  it('has one form', () => {
    expect(totalsLine({ passed: 3, failed: 0, skipped: 1 })).toBe('3 passed, 0 failed, 1 skipped')
  })
})
