import fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  loadConfigFile,
  readEnvironment,
  readObject,
  readOverrides,
  readUrlVariables,
} from '../../../src/app/config-source.ts'
import { SETTING_NAMES, oldNames, wireName } from '../../../src/app/settings.ts'
import { CeleryError, ImproperlyConfigured } from '../../../src/errors.ts'

describe('readObject', () => {
  it('understands every spelling', () => {
    expect(readObject({ taskAcksLate: true }).values).toEqual({ taskAcksLate: true })
    expect(readObject({ task_acks_late: true }).values).toEqual({ taskAcksLate: true })
    expect(readObject({ CELERY_ACKS_LATE: true, TIME_ZONE: 'Europe/London' }).values).toEqual({
      taskAcksLate: true,
      timezone: 'Europe/London',
    })
    expect(readObject({ broker: 'redis://', backend: 'rpc://', task_acks_late: undefined }).values).toEqual({
      brokerUrl: 'redis://',
      resultBackend: 'rpc://',
    })
  })

  it('prefers the newest spelling of what is given twice', () => {
    const twice = {
      CELERY_TASK_RESULT_EXPIRES: 1,
      result_expires: 2,
      resultExpires: 3,
      TIME_ZONE: 'UTC',
      timezone: 'Asia/Tokyo',
    }
    expect(readObject(twice).values).toEqual({ resultExpires: 3, timezone: 'Asia/Tokyo' })
    expect(readObject({ result_expires: 2, CELERY_TASK_RESULT_EXPIRES: 1 }).values).toEqual({ resultExpires: 2 })
    expect(readObject({ broker: 'redis://a', brokerUrl: 'redis://b' }).values).toEqual({ brokerUrl: 'redis://b' })
  })

  it.each<[object, string]>([
    [{ taskAckLate: true }, 'There is no setting "taskAckLate"; did you mean "taskAcksLate"?'],
    [{ task_ack_late: true }, 'There is no setting "task_ack_late"; did you mean "task_acks_late"?'],
    [{ CELERY_ACK_LATE: true }, 'There is no setting "CELERY_ACK_LATE"; did you mean "CELERY_ACKS_LATE"?'],
    [{ colour: 1 }, 'There is no setting "colour"'],
    [{ brokr: 1, toString: 2 }, 'There are no such settings:\n  "brokr"; did you mean "broker"?\n  "toString"'],
    [{ brokerPoolLimit: 'ten' }, "brokerPoolLimit must be a whole number, at least 0, or null, not 'ten'"],
    [{ BROKER_POOL_LIMIT: 'ten' }, 'BROKER_POOL_LIMIT must be a whole number'],
  ])('refuses %j', (source, message) => {
    expect(() => readObject(source)).toThrow(
      new ImproperlyConfigured(message.startsWith('BROKER') ? `${message}, at least 0, or null, not 'ten'` : message),
    )
  })

  it('says how to rename what mixes old and new', () => {
    expect(() => readObject({ taskSerializer: 'json', timezone: 'UTC', CELERY_ACKS_LATE: 1 })).toThrow(
      new ImproperlyConfigured(
        'New and old names of settings cannot be mixed in one source. Rename these:\n' +
          '  CELERY_ACKS_LATE                     -> taskAcksLate',
      ),
    )
    expect(() => readObject({ task_serializer: 'json', CELERY_ACKS_LATE: 1 })).toThrow(/-> task_acks_late$/)
    expect(() => readObject({ taskSerializer: 'json', CELERY_ACKS_LATE: 1, BROKER_HEARTBEAT: 1 })).toThrow(
      /taskSerializer +-> CELERY_TASK_SERIALIZER\nor write all of them in the new form\.$/,
    )
    // Given under both names is no mixture, nor is the constructor's short name.
    expect(readObject({ taskAcksLate: true, CELERY_ACKS_LATE: false }).values).toEqual({ taskAcksLate: true })
    expect(readObject({ broker: 'redis://', CELERY_ACKS_LATE: true }).values).toMatchObject({ taskAcksLate: true })
  })

  it('looks for a namespace first', () => {
    const django = {
      CELERY_BROKER_URL: 'redis://',
      CELERY_TIMEZONE: 'Asia/Tokyo',
      TIME_ZONE: 'UTC',
      DEBUG: true,
      INSTALLED_APPS: [],
    }
    expect(readObject(django, { namespace: 'CELERY' }).values).toEqual({
      brokerUrl: 'redis://',
      timezone: 'Asia/Tokyo',
    })
    const other = {
      celery_broker_url: 'redis://',
      celeryTaskAcksLate: true,
      timezone: 'UTC',
      task_acks_late: false,
      anything: 1,
    }
    expect(readObject(other, { namespace: 'celery_' }).values).toEqual({
      brokerUrl: 'redis://',
      taskAcksLate: true,
      timezone: 'UTC',
    })
    expect(readObject({ CELERY_TASK_RESULT_EXPIRES: 5 }, { namespace: 'CELERY' }).values).toEqual({ resultExpires: 5 })
    expect(() => readObject({ CELERY_BROKER_URI: 'x' }, { namespace: 'CELERY' })).toThrow(
      'There is no setting "CELERY_BROKER_URI"; did you mean "CELERY_BROKER_URL"?',
    )
    expect(() => readObject({ proj_taskAckLate: 'x' }, { namespace: 'proj' })).toThrow(
      'did you mean "proj_task_acks_late"?',
    )
  })

  it('warns of what is old, will go, or has no effect', () => {
    const { warnings } = readObject({
      CELERYD_POOL_PUTLOCKS: true,
      CELERY_ACKS_ON_FAILURE_OR_TIMEOUT: true,
      S3_BUCKET: 'b',
    })
    expect(warnings).toEqual([
      {
        setting: 'workerPoolPutlocks',
        kind: 'deprecated',
        message: 'CELERYD_POOL_PUTLOCKS is an old name: write workerPoolPutlocks',
      },
      {
        setting: 'workerPoolPutlocks',
        kind: 'ignored',
        message: 'CELERYD_POOL_PUTLOCKS means something in Python only; it has no effect here',
      },
      {
        setting: 'taskAcksOnFailureOrTimeout',
        kind: 'deprecated',
        message: 'CELERY_ACKS_ON_FAILURE_OR_TIMEOUT is an old name: write taskAcksOnFailureOrTimeout',
      },
      {
        setting: 'taskAcksOnFailureOrTimeout',
        kind: 'deprecated',
        message: 'CELERY_ACKS_ON_FAILURE_OR_TIMEOUT will go: use taskAcksOnFailure and taskAcksOnTimeout',
      },
      { setting: 's3Bucket', kind: 'deprecated', message: 'S3_BUCKET is an old name: write s3Bucket' },
      {
        setting: 's3Bucket',
        kind: 'ignored',
        message: 'S3_BUCKET belongs to a result backend that celeriac does not have; it has no effect',
      },
    ])
    expect(readObject({ taskAcksLate: true }).warnings).toEqual([])
  })

  it('throws nothing but errors of ours', () => {
    const keys = SETTING_NAMES.flatMap((name) => [name, wireName(name), ...oldNames(name)])
    const source = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), fc.anything(), { maxKeys: 4 })
    fc.assert(
      fc.property(source, fc.constantFrom(undefined, '', 'CELERY', 'task'), (given, namespace) => {
        try {
          readObject(given, { namespace })
        } catch (error) {
          expect(error).toBeInstanceOf(CeleryError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the environment', () => {
  it('is read by namespace, text converted', () => {
    const env = {
      CELERY_TASK_ACKS_LATE: 'yes',
      CELERY_WORKER_CONCURRENCY: '4',
      CELERY_TASK_TIME_LIMIT: 'None',
      CELERY_IMPORTS: 'a,b',
      CELERY_BROKER_TRANSPORT_OPTIONS: '{"visibility_timeout": 60}',
      CELERY_TASK_SERIALIZER: '',
      CELERY_APP: 'proj',
      PATH: '/bin',
    }
    expect(readEnvironment(env).values).toEqual({
      taskAcksLate: true,
      workerConcurrency: 4,
      taskTimeLimit: null,
      imports: ['a', 'b'],
      brokerTransportOptions: { visibility_timeout: 60 },
    })
    expect(readEnvironment({ PROJ_TIMEZONE: 'Asia/Tokyo', CELERY_TIMEZONE: 'UTC' }, 'PROJ').values).toEqual({
      timezone: 'Asia/Tokyo',
    })
    expect(() => readEnvironment({ CELERY_WORKER_CONCURRENCY: 'many' })).toThrow(
      "CELERY_WORKER_CONCURRENCY must be a whole number, at least 0, or null, not 'many'",
    )
  })

  it('has four variables that are always read', () => {
    const env = {
      CELERY_BROKER_URL: 'redis://a;redis://b',
      CELERY_BROKER_READ_URL: 'redis://read',
      CELERY_BROKER_WRITE_URL: '',
      CELERY_RESULT_BACKEND: 'rpc://',
      CELERY_TASK_ACKS_LATE: '1',
    }
    expect(readUrlVariables(env).values).toEqual({
      brokerUrl: 'redis://a;redis://b',
      brokerReadUrl: 'redis://read',
      resultBackend: 'rpc://',
    })
  })
})

describe('readOverrides', () => {
  it('reads what stands behind a command', () => {
    const args = [
      'worker.prefetch_multiplier=1',
      '.concurrency=3',
      'broker.pool_limit=(int)3',
      'TASK_ACKS_LATE=on',
      '_disable.prefetch=1',
      'timezone=Asia/Tokyo',
    ]
    expect(readOverrides(args, 'worker').values).toEqual({
      workerPrefetchMultiplier: 1,
      workerConcurrency: 3,
      brokerPoolLimit: 3,
      taskAcksLate: true,
      workerDisablePrefetch: true,
      timezone: 'Asia/Tokyo',
    })
    expect(readOverrides(['.maxLoopInterval=5', 'task.default_queue=(string)a=b'], 'beat').values).toEqual({
      beatMaxLoopInterval: 5,
      taskDefaultQueue: 'a=b',
    })
    expect(readOverrides(['task.routes=(json){"a":"b"}', 'include=(list)["x"]'], 'worker').values).toEqual({
      taskRoutes: { a: 'b' },
      include: ['x'],
    })
  })

  it.each<[string, string]>([
    ['concurrency', '"concurrency" is no setting: write name=value, such as worker.concurrency=4'],
    ['=4', '"=4" is no setting'],
    ['worker.concurency=4', 'There is no setting "worker.concurency"; did you mean "worker_concurrency"?'],
    ['.concurrency=(integer)4', '.concurrency: there is no type "integer"'],
    ['.concurrency=(itn)4', 'there is no type "itn"; did you mean "int"?'],
    ['.concurrency=(constructor)4', 'there is no type "constructor"'],
    ['.concurrency=(int)x', ".concurrency must be a whole number, not 'x'"],
    ['include=(json)[', 'include: what is behind the type must be JSON'],
    ['.concurrency=x', ".concurrency must be a whole number, at least 0, or null, not 'x'"],
  ])('refuses %s', (arg, message) => {
    expect(() => readOverrides([arg], 'worker')).toThrow(ImproperlyConfigured)
    expect(() => readOverrides([arg], 'worker')).toThrow(message)
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'celeriac-config-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })
  const importModule = async (file: string): Promise<Record<string, unknown>> =>
    (await import(pathToFileURL(file).href)) as Record<string, unknown>
  const load = async (name: string, content: string): Promise<object> => {
    await writeFile(join(folder, name), content)
    return loadConfigFile(join(folder, name), importModule)
  }

  it.each([
    ['a.json', '{"taskAcksLate": true, "imports": ["x"]}'],
    ['a.yaml', 'taskAcksLate: true\nimports:\n  - x\n'],
    ['a.yml', 'taskAcksLate: true\nimports: [x]\n'],
    ['default.mjs', 'export default { taskAcksLate: true, imports: ["x"] }'],
    ['named.mjs', 'export const taskAcksLate = true, imports = ["x"]'],
  ])('can be %s', async (name, content) => {
    const source = await load(name, content)
    expect(readObject(source).values).toEqual({ taskAcksLate: true, imports: ['x'] })
  })

  it.each([
    ['bad.json', '{', /bad\.json could not be read: /],
    ['bad.yaml', 'a: [', /bad\.yaml could not be read: /],
    ['list.json', '[]', /list\.json holds no settings: an object is expected/],
    ['text.mjs', 'export default "text"', /holds no settings/],
  ])('refuses %s', async (name, content, message) => {
    const loading = load(name, content)
    await expect(loading).rejects.toThrow(ImproperlyConfigured)
    await expect(loading).rejects.toThrow(message)
  })

  it('says when there is none', async () => {
    await expect(loadConfigFile(join(folder, 'none.json'), importModule)).rejects.toThrow(
      /none\.json could not be read: ENOENT/,
    )
  })
})
