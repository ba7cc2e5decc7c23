import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { Lazy } from '../../../src/util/lazy.ts'

class Thing {
  isOpen = true
  async close(): Promise<void> {
    await Promise.resolve()
    this.isOpen = false
  }
}

describe('Lazy', () => {
  it('opens when it is first asked, once for all who ask', async () => {
    let opened = 0
    const lazy = new Lazy(async () => {
      opened += 1
      return new Thing()
    })
    expect([opened, lazy.current]).toEqual([0, undefined])
    const [a, b] = await Promise.all([lazy.get(), lazy.get()])
    expect([opened, a === b, lazy.current === a]).toEqual([1, true, true])
  })

  it('tries again after an attempt that failed', async () => {
    let attempts = 0
    const lazy = new Lazy(async () => {
      attempts += 1
      if (attempts === 1) throw new Error('away')
      return new Thing()
    })
    await expect(lazy.get()).rejects.toThrow('away')
    expect(await lazy.get()).toBeInstanceOf(Thing)
  })

  it('closes once, and opens anew afterwards', async () => {
    const lazy = new Lazy(async () => new Thing())
    await lazy.close()
    const first = await lazy.get()
    await Promise.all([lazy.close(), lazy.close()])
    expect([first.isOpen, lazy.current]).toEqual([false, undefined])
    expect(await lazy.get()).not.toBe(first)
  })

  it('waits for the end the second time too', async () => {
    const gate = deferred<undefined>()
    const lazy = new Lazy(async () => ({ close: (): Promise<void> => gate.promise }))
    await lazy.get()
    void lazy.close()
    let closed = false
    const second = lazy.close().then(() => (closed = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toBe(false)
    gate.resolve(undefined)
    expect(await second).toBe(true)
  })

  it('closes what is still being opened, and does not take it for open', async () => {
    const gate = deferred<Thing>()
    const lazy = new Lazy(() => gate.promise)
    const asked = lazy.get()
    const closing = lazy.close()
    const thing = new Thing()
    gate.resolve(thing)
    expect(await asked).toBe(thing)
    await closing
    expect([thing.isOpen, lazy.current]).toEqual([false, undefined])
  })

  it('does not mind an opening that fails while it closes', async () => {
    const gate = deferred<Thing>()
    const lazy = new Lazy(() => gate.promise)
    const asked = lazy.get()
    const closing = lazy.close()
    gate.reject(new Error('away'))
    await expect(asked).rejects.toThrow('away')
    await closing
  })
})
