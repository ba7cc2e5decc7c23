import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { LibraryClient, LibraryOptions, RedisLibrary } from '../../../../src/driver/redis/library.ts'
import { openLink } from '../../../../src/driver/redis/link.ts'
import type { Link } from '../../../../src/driver/redis/link.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import type { Deferred } from '../../../../src/util/deferred.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

/** The package, as far as a link uses it: it answers when the test says so. */
class FakeLibrary implements RedisLibrary {
  readonly RESP_TYPES = { BLOB_STRING: 36 }
  readonly ErrorReply = RangeError
  readonly sent: (readonly unknown[])[] = []
  readonly pending: Deferred<unknown>[] = []
  readonly events = new EventEmitter()
  options: LibraryOptions | undefined
  destroyed = false

  readonly createClient = (options: LibraryOptions): LibraryClient => {
    this.options = options
    const client = {
      connect: async () => undefined,
      withTypeMapping: () => client,
      sendCommand: (command: readonly unknown[]) => {
        this.sent.push(command)
        const reply = deferred<unknown>()
        if (command[0] === 'PING' && this.pending.length === 0) reply.resolve('PONG')
        else this.pending.push(reply)
        return reply.promise
      },
      on: (event: string, listener: (error: Error) => void) => this.events.on(event, listener),
      destroy: () => {
        this.destroyed = true
      },
    }
    return client as unknown as LibraryClient
  }
}

describe('a link', () => {
  const clock = fakeClock()

  async function open(library: FakeLibrary): Promise<Link> {
    return openLink({
      library,
      clock,
      address: { host: 'h', port: 1 },
      login: { username: 'u', password: 'p', tls: { rejectUnauthorized: true } },
      database: 3,
      clientName: 'me',
      connectTimeoutMs: 1000,
      socketTimeoutMs: 2000,
      healthCheckMs: 5000,
    })
  }

  it('tells the package where to, and never to connect again by itself', async () => {
    const library = new FakeLibrary()
    await open(library)
    expect(library.options).toMatchObject({
      RESP: 2,
      username: 'u',
      password: 'p',
      database: 3,
      name: 'me',
      socket: { host: 'h', port: 1, tls: true, rejectUnauthorized: true, reconnectStrategy: false, keepAlive: true },
    })
  })

  it('gives the package text and Buffers only', async () => {
    const library = new FakeLibrary()
    const link = await open(library)
    void link.send([
      ['SET', 'k', 1.5],
      ['SET', 'k', Uint8Array.from([1, 2]).subarray(1)],
      ['GET', 'k'],
      ['SET', 'k', 'ü'.repeat(5000)],
    ])
    expect(library.sent.slice(1)).toEqual([
      ['SET', 'k', '1.5'],
      ['SET', 'k', Buffer.from([2])],
      ['GET', 'k'],
      ['SET', 'k', Buffer.from('ü'.repeat(5000))],
    ])
  })

  it('answers when all replies have come, with the first error where there is one', async () => {
    const library = new FakeLibrary()
    const link = await open(library)
    const get: readonly ['GET', string] = ['GET', 'k']
    const [all, some] = [link.send([get, get]), link.send([get, get, get]).catch((error: unknown) => error)]
    const [a, b, c, d, e] = library.pending
    a?.resolve('1')
    b?.resolve(null)
    expect(await all).toEqual(['1', null])
    c?.reject(new RangeError('WRONGTYPE it is a list'))
    d?.reject(new RangeError('ERR another'))
    const closing = link.close()
    expect(await Promise.race([some, Promise.resolve('waits')])).toBe('waits')
    e?.resolve('3')
    expect(await some).toMatchObject({ message: expect.stringContaining('WRONGTYPE') as string })
    await closing
    expect(await link.closed).toBeUndefined()
  })

  it('is over when a reply does not come in time; one that blocks has more time', async () => {
    const library = new FakeLibrary()
    const link = await open(library)
    const blocked = link.send([['BLPOP', 'k', 9]], { blockMs: 9000 }).catch((error: unknown) => error)
    await clock.advance(10_000)
    const quick = link.send([['GET', 'k']]).catch((error: unknown) => error)
    await clock.advance(1500)
    expect(library.destroyed).toBe(true)
    for (const { reject } of library.pending) reject(new Error('Disconnects client'))
    expect(await link.closed).toBeInstanceOf(ConnectionError)
    expect([await blocked, await quick]).toEqual([await link.closed, await link.closed])
    await expect(link.send([['GET', 'k']])).rejects.toBe(await link.closed)
  })

  it('asks an idle server whether it lives, and nobody else', async () => {
    const library = new FakeLibrary()
    const link = await open(library)
    const pings = (): number => library.sent.filter(([name]) => name === 'PING').length
    await clock.advance(5000)
    expect(pings()).toBe(2)
    void link.send([['BLPOP', 'k', 60]], { blockMs: 60_000 }).catch(() => undefined)
    await clock.advance(20_000)
    expect(pings()).toBe(2)
    link.end()
    await clock.advance(20_000)
    expect(await link.closed).toBeUndefined()
  })

  it('waits at its end for what is under way, but not for what blocks', async () => {
    const library = new FakeLibrary()
    const link = await open(library)
    void link.send([['BLPOP', 'k', 60]], { blockMs: 60_000 }).catch(() => undefined)
    const sent = link.send([['SET', 'k', 'v']])
    const closing = link.close()
    expect(library.destroyed).toBe(false)
    library.pending[1]?.resolve('OK')
    await closing
    expect(await sent).toEqual(['OK'])
    expect(library.destroyed).toBe(true)
  })
})
