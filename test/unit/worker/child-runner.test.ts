import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import type { EncodedResult } from '../../../src/backend/backend.ts'
import { encodeTask } from '../../../src/protocol/task.ts'
import type { TaskContext } from '../../../src/task/context.ts'
import { createLogger, silentLogger } from '../../../src/util/logger.ts'
import { createRunner } from '../../../src/worker/child-runner.ts'
import type { AppLocation, Job } from '../../../src/worker/pool/pool.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const folder = temporaryDirectory()

/** A module that exports an app of this test, as a user's module would. */
function moduleOf(name: string, options: AppOptions = {}): { location: AppLocation; app: App } {
  const app = new App('proj', { broker: 'memory://', backend: 'memory://', logger: silentLogger(), ...options })
  app.task('proj.add', (x: number, y: number) => x + y)
  Reflect.set(globalThis, 'appOfThisTest', app)
  const file = join(folder, name)
  writeFileSync(file, 'export const app = globalThis.appOfThisTest')
  return { location: { file, exportName: undefined }, app }
}

function jobOf(name: string, args: unknown[], body?: string): Job {
  const encoded = encodeTask({ id: 'id-1', name, args, kwargs: {}, origin: '' })
  return {
    key: 1,
    taskId: 'id-1',
    taskName: name,
    message: {
      headers: encoded.headers,
      properties: encoded.properties,
      body: body ?? JSON.stringify(encoded.body),
      contentType: 'application/json',
      contentEncoding: 'utf-8',
    },
    deliveryInfo: { exchange: '', routing_key: 'celery', priority: null, redelivered: false },
    hostname: 'celery@test',
    softLimitMs: undefined,
    hardLimitMs: undefined,
  }
}

function control(stored: EncodedResult[] = []) {
  const store = async (result: EncodedResult): Promise<void> => void stored.push(result)
  return { signal: new AbortController().signal, store, endPart: () => undefined }
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'appOfThisTest')
  Reflect.deleteProperty(globalThis, 'importedByChild')
})

describe('the runner of a child', () => {
  it('runs jobs of the app, with the settings of its worker', async () => {
    const { location, app } = moduleOf('run.mjs')
    const runner = await createRunner(location, { resultExtended: true }, silentLogger())
    const stored: EncodedResult[] = []
    expect(await runner.run(jobOf('proj.add', [1, 2]), control(stored))).toMatchObject({
      kind: 'success',
      resultRepr: '3',
    })
    expect(JSON.parse(String(stored[0]?.body))).toMatchObject({ result: 3, worker: 'celery@test' })
    expect([app.isChild, app.conf.resultExtended]).toEqual([true, true])
  })

  it('imports the task modules, and reads every compression that there is', async () => {
    writeFileSync(join(folder, 'tasks.mjs'), 'globalThis.importedByChild = true')
    const { location, app } = moduleOf('include.mjs', { include: [join(folder, 'tasks.mjs')] })
    await createRunner(location, {}, silentLogger())
    expect(Reflect.get(globalThis, 'importedByChild')).toBe(true)
    expect(app.serialization.isLoaded('bzip2')).toBe(true)
  })

  it('fails a job whose task or arguments it cannot have, and goes on', async () => {
    const { location } = moduleOf('fail.mjs')
    const runner = await createRunner(location, {}, silentLogger())
    expect(await runner.run(jobOf('proj.unknown', []), control())).toMatchObject({
      kind: 'failure',
      failure: { excType: 'NotRegistered' },
    })
    expect(await runner.run(jobOf('proj.add', [], '{'), control())).toMatchObject({
      kind: 'failure',
      failure: { excType: 'DecodeError' },
    })
    expect(await runner.run(jobOf('proj.add', [1, 1]), control())).toMatchObject({ kind: 'success' })
  })

  it('lends tasks the logger of its worker', async () => {
    const { location, app } = moduleOf('log.mjs')
    app.task('proj.log', { bind: true }, (self: TaskContext) => {
      self.log.info('halfway')
    })
    const lines: string[] = []
    const logger = createLogger({ level: 'INFO', write: (record) => lines.push(record.message) })
    const runner = await createRunner(location, {}, logger)
    await runner.run(jobOf('proj.log', []), control())
    expect(lines).toEqual(['proj.log[id-1]: halfway'])
  })

  it('tells listeners of its beginning and its end, and closes the app', async () => {
    const { location, app } = moduleOf('end.mjs')
    const trail: unknown[] = []
    app.signals.on('worker-process-init', ({ pid }) => void trail.push('init', pid))
    app.signals.on('worker-process-shutdown', ({ pid, exitcode }) => void trail.push('shutdown', pid, exitcode))
    const close = vi.spyOn(app, 'close')
    const runner = await createRunner(location, {}, silentLogger())
    await runner.started()
    expect(trail).toEqual(['init', process.pid])
    await runner.stopping()
    expect(trail.slice(2)).toEqual(['shutdown', process.pid, 0])
    expect(close).toHaveBeenCalledOnce()
  })

  it('cannot be had where the app or one of its modules cannot be loaded', async () => {
    const { location } = moduleOf('broken.mjs', { include: [join(folder, 'nowhere.mjs')] })
    await expect(createRunner(location, {}, silentLogger())).rejects.toThrow('There is no file')
    await expect(createRunner({ ...location, exportName: 'other' }, {}, silentLogger())).rejects.toThrow(
      'no export "other"',
    )
    await expect(createRunner(location, { taskAckLate: true }, silentLogger())).rejects.toThrow('taskAcksLate')
  })
})
