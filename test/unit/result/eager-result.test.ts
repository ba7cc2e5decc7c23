import { describe, expect, it } from 'vitest'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { fakeHost } from '../../support/fake-host.ts'

describe('EagerResult', () => {
  it('is there at once', async () => {
    const result = new EagerResult('id', fakeHost().host, { state: 'SUCCESS', value: 4, traceback: undefined })
    expect([await result.get(), await result.state(), await result.ready(), await result.successful()]).toEqual([
      4,
      'SUCCESS',
      true,
      true,
    ])
    expect(await result.result()).toBe(4)
    await result.forget()
  })

  it('throws the error of its task, or answers it', async () => {
    const error = new Error('bad')
    const result = new EagerResult('id', fakeHost().host, { state: 'FAILURE', value: error, traceback: 'tb' })
    await expect(result.get()).rejects.toBe(error)
    expect(await result.get({ propagate: false })).toBe(error)
    expect([await result.failed(), await result.traceback()]).toEqual([true, 'tb'])
  })
})
