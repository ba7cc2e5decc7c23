/** What the package gives out, to the name: more or fewer is a decision, and this is where it is seen. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import * as index from '../src/index.ts'
import * as testing from '../src/testing/index.ts'
import * as worker from '../src/worker/index.ts'
import { ROOT } from './support/sources.ts'

/** The names that a door exports, values and types apart, sorted. */
function namesOf(path: string): { values: string[]; types: string[] } {
  const text = readFileSync(join(ROOT, 'src', path), 'utf8')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const values: string[] = []
  const types: string[] = []
  for (const statement of file.statements) {
    if (!ts.isExportDeclaration(statement)) continue
    const { exportClause, isTypeOnly } = statement
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error(`${path} exports without names`)
    for (const { name } of exportClause.elements) (isTypeOnly ? types : values).push(name.text)
  }
  return { values: values.sort(), types: types.sort() }
}

it('celeriac', () => {
  const { values, types } = namesOf('index.ts')
  expect(Object.keys(index).sort()).toEqual(values)
  expect(values).toEqual([
    'AlreadyRegistered',
    'AsyncResult',
    'BackendError',
    'BackendGetMetaError',
    'BackendStoreError',
    'Celery',
    'CeleryError',
    'ChannelError',
    'ChordError',
    'ConnectionError',
    'ContentDisallowed',
    'DecodeError',
    'EagerResult',
    'EncodeError',
    'Ignore',
    'ImproperlyConfigured',
    'IncompleteStream',
    'InvalidTaskError',
    'MaxRetriesExceededError',
    'MissingDriver',
    'NoResultBackend',
    'NotRegistered',
    'OperationalError',
    'QueueNotFound',
    'Reject',
    'Retry',
    'SecurityError',
    'SerializationError',
    'Signature',
    'SoftTimeLimitExceeded',
    'TaskContext',
    'TaskError',
    'TaskPredicate',
    'TaskRevokedError',
    'Terminated',
    'TimeLimitExceeded',
    'TimeoutError',
    'WorkerError',
    'WorkerLostError',
    'WorkerShutdown',
    'createLogger',
    'currentTask',
  ])
  expect(types).toEqual([
    'AppMiddleware',
    'AppOptions',
    'BroadcastOptions',
    'Call',
    'Control',
    'GetOptions',
    'LogFields',
    'LogLevel',
    'LogRecord',
    'Logger',
    'Middleware',
    'PublishContext',
    'PublishMiddleware',
    'PublishOptions',
    'Reply',
    'RetryOptions',
    'RetryPolicy',
    'RevokeOptions',
    'RunContext',
    'RunMiddleware',
    'Serializer',
    'Settings',
    'SettingsInput',
    'SignalListener',
    'SignalMap',
    'SignalName',
    'SignatureData',
    'Task',
    'TaskHooks',
    'TaskMeta',
    'TaskOptions',
    'TaskRequest',
    'TaskState',
    'Worker',
    'WorkerOptions',
  ])
})

it('celeriac/worker', () => {
  const { values, types } = namesOf('worker/index.ts')
  expect(Object.keys(worker).sort()).toEqual(values)
  expect(values).toEqual(['Worker'])
  expect(types).toEqual([
    'CreatePool',
    'DeliveryInfo',
    'Failure',
    'Job',
    'JobControl',
    'JobObserver',
    'Outcome',
    'Pool',
    'PoolOptions',
    'RunJob',
    'StopStrength',
    'WorkerFacts',
    'WorkerOptions',
  ])
})

it('celeriac/testing', () => {
  const { values, types } = namesOf('testing/index.ts')
  expect(Object.keys(testing).sort()).toEqual(values)
  expect(values).toEqual(['testBackend', 'testPool', 'testTransport'])
  expect(types).toEqual([
    'BackendSuiteOptions',
    'BrokerUnderTest',
    'PoolSuiteOptions',
    'StoreUnderTest',
    'TestRunner',
    'TransportSuiteOptions',
  ])
})
