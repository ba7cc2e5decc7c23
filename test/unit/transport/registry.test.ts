import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import type { Transport } from '../../../src/transport/transport.ts'

describe('TransportRegistry', () => {
  it('gives out one memory transport, so that its connections share a broker', async () => {
    const registry = new TransportRegistry()
    const { found, url } = await registry.find('memory://')
    expect([found.name, url]).toEqual(['memory', 'memory://'])
    expect((await registry.find('memory')).found).toBe(found)
    expect((await new TransportRegistry().find('memory://')).found).not.toBe(found)
  })

  it('loads every transport that it lists', async () => {
    const registry = new TransportRegistry()
    const nameOf = (scheme: string): string => {
      if (/^(redis.*|socket|sentinel)$/.test(scheme)) return 'redis'
      return scheme === 'amqps' ? 'amqp' : scheme
    }
    for (const scheme of registry.schemes()) {
      const { found, url } = await registry.find(`${scheme}://`)
      expect([found.name, url]).toEqual([nameOf(scheme), `${scheme}://`])
    }
  })

  it.each(['sqs', 'sqla+sqlite'])('says plainly that %s is not spoken', async (scheme) => {
    const finding = new TransportRegistry().find(`${scheme}://u:secret@h`)
    await expect(finding).rejects.toThrow(ImproperlyConfigured)
    await expect(finding).rejects.toThrow(`does not speak the broker scheme "${scheme}"`)
  })

  it('takes transports of others, for itself alone', async () => {
    const theirs: Transport = { name: 'theirs', connect: () => Promise.reject(new Error('no')) }
    const registry = new TransportRegistry()
    registry.registerTransport('theirs', async () => theirs, ['also-theirs'])
    expect(await registry.find('also-theirs://h')).toEqual({ found: theirs, url: 'theirs://h' })
    await expect(new TransportRegistry().find('theirs://h')).rejects.toThrow(ImproperlyConfigured)
  })
})
