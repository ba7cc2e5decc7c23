import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'

describe('deferred', () => {
  it('resolves when it is told to, once', async () => {
    const { promise, resolve } = deferred<number>()
    resolve(1)
    resolve(2)
    expect(await promise).toBe(1)
  })

  it('rejects when it is told to', async () => {
    const { promise, reject } = deferred<number>()
    reject(new Error('no'))
    await expect(promise).rejects.toThrow('no')
  })
})
