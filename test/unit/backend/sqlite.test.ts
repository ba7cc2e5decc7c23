import { unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'
import { sqliteBackend } from '../../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../../src/driver/sqlite.ts'
import { BackendError, BackendGetMetaError, BackendStoreError, ImproperlyConfigured } from '../../../src/errors.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { ensureSchema } from '../../../src/transport/sqlite/schema.ts'
import { backendContext } from '../../support/context.ts'
import { openRaw, query, temporaryFile } from '../../support/sqlite.ts'
import { waitFor } from '../../support/wait-for.ts'

const META: TaskMeta = { task_id: 'a', status: 'SUCCESS', result: 5, traceback: null, children: [], date_done: null }

describe('sqlite:// for results', () => {
  let file: string
  let files: SqliteFiles
  const open: ResultBackend[] = []
  beforeEach(() => {
    file = temporaryFile()
    files = new SqliteFiles()
  })
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close()
  })

  async function make(parameters = ''): Promise<ResultBackend> {
    const backend = await sqliteBackend.open(`sqlite:///${file}${parameters}`, {}, backendContext({ sqlite: files }))
    open.push(backend)
    return backend
  }

  it('opens its file when it is first used', async () => {
    file = join(dirname(file), 'missing', 'a.db')
    const backend = await make()
    expect(backend.displayUrl).toBe(`sqlite:///${file}`)
    await expect(backend.getMeta('a')).rejects.toThrow(ImproperlyConfigured)
    await expect(make('?unknown=1')).rejects.toThrow(ImproperlyConfigured)
  })

  it('writes in the transaction of whatever else is written in that turn', async () => {
    const backend = await make()
    await backend.getMeta('a')
    const broker = files.open(file, {})
    await ensureSchema(broker)
    const commits: unknown[] = []
    const stop = broker.onNotify('results', () => {
      commits.push(
        query(file, 'SELECT (SELECT count(*) FROM celeriac_result) + (SELECT count(*) FROM celeriac_group) AS n')[0]?.[
          'n'
        ],
      )
    })
    const other = broker.write((statements) =>
      statements.run("INSERT INTO celeriac_group (id, escaped, body) VALUES ('x', 0, 'y')"),
    )
    await Promise.all([storeResult(backend, backend.encodeResult(META)), other])
    expect(commits[0]).toBe(2)
    stop()
    await broker.release()
  })

  it('names the task whose result it could not store or read', async () => {
    const backend = await make('?busyTimeout=0.02')
    await storeResult(backend, backend.encodeResult(META))
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    const failure = storeResult(backend, backend.encodeResult({ ...META, task_id: 'b', status: 'FAILURE' }))
    await expect(failure).rejects.toThrow(BackendStoreError)
    await expect(failure).rejects.toMatchObject({
      taskId: 'b',
      state: 'FAILURE',
      message: expect.stringContaining(file),
    })
    shell.exec('DROP TABLE celeriac_result; COMMIT')
    shell.close()
    await expect(backend.getMeta('a')).rejects.toThrow(BackendGetMetaError)
    await expect(backend.getMeta('a')).rejects.toMatchObject({ taskId: 'a' })
  })

  it('goes on with the file that is there after its own was deleted', async () => {
    const backend = await make()
    await storeResult(backend, backend.encodeResult(META))
    const onError = vi.fn()
    backend.watch(['b'], () => undefined, onError)
    await waitFor(() => backend.getMeta('a').then((meta) => meta !== undefined))
    unlinkSync(file)
    await waitFor(() => onError.mock.calls.length > 0)
    expect(await backend.getMeta('a')).toBeUndefined()
    await storeResult(backend, backend.encodeResult(META))
    expect(await backend.getMeta('a')).toMatchObject({ result: 5 })
  })

  it('can be used again after it could not be opened', async () => {
    const shell = openRaw(file)
    shell.exec('BEGIN EXCLUSIVE')
    const backend = await make('?busyTimeout=0.02')
    const onError = vi.fn()
    backend.watch(['a'], () => undefined, onError)
    await expect(storeResult(backend, backend.encodeResult(META))).rejects.toThrow(BackendStoreError)
    expect(onError).toHaveBeenCalledOnce()
    shell.exec('ROLLBACK')
    shell.close()
    await storeResult(backend, backend.encodeResult(META))
    expect(await backend.getMeta('a')).toMatchObject({ result: 5 })
  })

  it('refuses everything once it is closed', async () => {
    const backend = await make()
    await backend.close()
    await expect(backend.getMeta('a')).rejects.toThrow(BackendError)
    await expect(backend.cleanup()).rejects.toThrow('is closed')
    const used = await make()
    const store = storeResult(used, used.encodeResult(META))
    await used.close()
    await store
    await expect(storeResult(used, used.encodeResult(META))).rejects.toThrow(BackendError)
  })

  it('ends its watches when it is closed', async () => {
    const backend = await make()
    await backend.getMeta('a')
    const onError = vi.fn()
    backend.watch(['a'], () => undefined, onError)
    // The watch begins with the file open, which it is.
    await waitFor(() => backend.getMeta('a').then(() => true))
    await backend.close()
    expect(onError).toHaveBeenCalledOnce()
    expect(onError).toHaveBeenCalledWith(expect.any(BackendError))
  })

  it('stops a watch before it has begun', async () => {
    const backend = await make()
    const onMeta = vi.fn()
    backend.watch(['a'], onMeta, () => undefined).stop()
    await storeResult(backend, backend.encodeResult(META))
    const second = vi.fn()
    backend.watch(['a'], second, () => undefined)
    await waitFor(() => second.mock.calls.length === 1)
    expect(onMeta).not.toHaveBeenCalled()
  })
})
