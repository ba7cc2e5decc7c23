import { describe, expect, it } from 'vitest'
import { DecodeError, ImproperlyConfigured } from '../../../src/errors.ts'
import { Loadable } from '../../../src/serialization/loadable.ts'

const known = { name: 'x', contentType: 'application/x' }

describe('Loadable', () => {
  it('is there at once where nothing needs to be loaded', async () => {
    const loadable = new Loadable('serializer', known)
    expect(loadable.ready).toBe(known)
    await loadable.load()
    expect(loadable.ready).toBe(known)
  })

  it('loads once, for all who ask', async () => {
    let times = 0
    const load = (): Promise<typeof known> => {
      times += 1
      return Promise.resolve(known)
    }
    const loadable = new Loadable('serializer', { ...known, load })
    expect(loadable.ready).toBeUndefined()
    await Promise.all([loadable.load(), loadable.load()])
    await loadable.load()
    expect(loadable.ready).toBe(known)
    expect(times).toBe(1)
  })

  it('tries again after it failed, and says why it is not there', async () => {
    let works = false
    const load = (): Promise<typeof known> => (works ? Promise.resolve(known) : Promise.reject(new Error('no network')))
    const loadable = new Loadable('compression', { ...known, load })
    const early = loadable.notLoaded(ImproperlyConfigured)
    expect(early).toBeInstanceOf(ImproperlyConfigured)
    expect(early.message).toBe(
      'The compression x is not loaded: name it in the settings, so that the app loads it when it starts, or call load()',
    )
    await expect(loadable.load()).rejects.toThrow('no network')
    const late = loadable.notLoaded(DecodeError)
    expect(late.message).toBe('The compression x is not loaded: no network')
    expect(late.cause).toBeInstanceOf(Error)
    works = true
    await loadable.load()
    expect(loadable.ready).toBe(known)
  })
})
