import { describe, expect, it } from 'vitest'
import { errorOf, firstFailure, pendingMeta, readDocuments, valueOf } from '../../../src/result/document.ts'
import { resultPlace } from '../../support/results.ts'

describe('what a document says', () => {
  it('is a value, an error, or the meta of a state', () => {
    const meta = pendingMeta('a')
    expect(meta).toMatchObject({ task_id: 'a', status: 'PENDING', result: null })
    expect(valueOf({ ...meta, status: 'SUCCESS', result: 5 })).toBe(5)
    expect(valueOf({ ...meta, status: 'PROGRESS', result: { done: 1 } })).toEqual({ done: 1 })
    const failed = { ...meta, status: 'FAILURE', result: { exc_type: 'KeyError', exc_message: ['k'], exc_module: 'b' } }
    expect(valueOf(failed)).toMatchObject({ name: 'KeyError', args: ['k'] })
    expect(errorOf({ ...failed, traceback: 'tb' })).toMatchObject({ traceback: 'tb' })
  })
})

describe('the documents of many tasks', () => {
  it('come in order and in batches, PENDING where there is none', async () => {
    const { backend, host, asked, succeed } = await resultPlace()
    const ids = Array.from({ length: 2500 }, (_, index) => `t${String(index)}`)
    await succeed('t1999', 'late')
    const seen: string[] = []
    for await (const { task_id: id, status } of readDocuments(await host.backend(), ids)) {
      seen.push(id)
      if (id === 't1999') {
        expect([status, asked.getMetas]).toEqual(['SUCCESS', 2])
        break
      }
      expect(status).toBe('PENDING')
    }
    expect(seen).toEqual(ids.slice(0, 2000))
    await backend.close()
  })

  it('have a first failure, or none', async () => {
    const { backend, succeed, fail, put } = await resultPlace()
    await succeed('a', 1)
    await fail('b', 'BError')
    await put({ task_id: 'c', status: 'RETRY', result: { exc_type: 'R', exc_message: [], exc_module: 'm' } })
    expect(await firstFailure(backend, ['c', 'x', 'a', 'b'])).toMatchObject({ name: 'BError' })
    expect(await firstFailure(backend, ['c', 'x', 'a'])).toBeUndefined()
    await backend.close()
  })
})
