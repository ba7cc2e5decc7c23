import { describe, expect, it } from 'vitest'
import type { BackendFactory } from '../../../src/backend/backend.ts'
import { DisabledBackend } from '../../../src/backend/disabled.ts'
import { BackendRegistry } from '../../../src/backend/registry.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { backendContext } from '../../support/context.ts'

const open = (registry: BackendRegistry, url: string) => registry.open(url, {}, backendContext())

describe('BackendRegistry', () => {
  it('opens by scheme and by Celery’s spelling', async () => {
    const registry = new BackendRegistry()
    expect((await open(registry, 'cache+memory://')).displayUrl).toBe('memory://')
    expect(await open(registry, 'disabled')).toBeInstanceOf(DisabledBackend)
    expect(registry.schemes()).toEqual([
      'memory',
      'sqlite',
      'redis',
      'rediss',
      'sentinel',
      'socket',
      'rediscluster',
      'rpc',
      'disabled',
    ])
  })

  it.each(['db+postgresql', 'cache+memcached', 'mongodb'])('says plainly that %s is not spoken', async (scheme) => {
    const opening = open(new BackendRegistry(), `${scheme}://u:secret@h`)
    await expect(opening).rejects.toThrow(ImproperlyConfigured)
    await expect(opening).rejects.toThrow(`does not speak the result backend scheme "${scheme}"`)
  })

  it('knows where results are messages, without opening anything', async () => {
    const registry = new BackendRegistry()
    expect(await registry.sendsReplies('rpc')).toBe(true)
    expect(await registry.sendsReplies('sqlite:///results.db')).toBe(false)
    await expect(registry.sendsReplies('nonsense://')).rejects.toThrow(ImproperlyConfigured)
  })

  it('suggests the nearest scheme', async () => {
    await expect(open(new BackendRegistry(), 'sqlit:///x.db')).rejects.toThrow(/did you mean "sqlite"/)
  })

  it('takes backends of others, for itself alone', async () => {
    const opened: string[] = []
    const theirs: BackendFactory = {
      name: 'theirs',
      open: async (url) => {
        opened.push(url)
        return new DisabledBackend()
      },
    }
    const registry = new BackendRegistry()
    registry.registerBackend('mongodb', async () => theirs, ['db+mongodb'])
    await open(registry, 'db+mongodb://h/1')
    expect(opened).toEqual(['mongodb://h/1'])
    await expect(open(new BackendRegistry(), 'mongodb://h')).rejects.toThrow(ImproperlyConfigured)
  })
})
