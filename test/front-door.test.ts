/** What the package gives out, to the name: more or fewer is a decision, and this is where it is seen. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import * as events from '../src/events/index.ts'
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
    'AlreadyRunning',
    'AsyncResult',
    'BackendError',
    'BackendGetMetaError',
    'BackendStoreError',
    'Canvas',
    'Celery',
    'CeleryError',
    'Chain',
    'ChannelError',
    'Chord',
    'ChordError',
    'Chunks',
    'ConnectionError',
    'ContentDisallowed',
    'DecodeError',
    'EagerResult',
    'EncodeError',
    'EntryNotFound',
    'Group',
    'GroupResult',
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
    'ResultSet',
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
    'chain',
    'chord',
    'chunks',
    'clocked',
    'createLogger',
    'crontab',
    'currentTask',
    'group',
    'interval',
    'migrateTasks',
    'resultFromTuple',
    'solar',
    'starmap',
    'xmap',
  ])
  expect(types).toEqual([
    'AddConsumerOptions',
    'Answers',
    'AnySignature',
    'AppMiddleware',
    'AppOptions',
    'Beat',
    'BeatOptions',
    'BroadcastOptions',
    'Call',
    'CatchUp',
    'Command',
    'CommandArgument',
    'CommandArguments',
    'CommandTarget',
    'Component',
    'ComponentHost',
    'Control',
    'ControlRevokeOptions',
    'CrontabFields',
    'CrontabOptions',
    'EntryDefinition',
    'EntryInfo',
    'EntryInput',
    'EntryOptions',
    'ErrorReply',
    'GetOptions',
    'Inspect',
    'InspectOptions',
    'IntervalOptions',
    'JoinOptions',
    'LogFields',
    'LogLevel',
    'LogRecord',
    'Logger',
    'Middleware',
    'MigrateTasksOptions',
    'MigrationProgress',
    'MigrationResult',
    'OkReply',
    'PeriodicTaskOptions',
    'PublishContext',
    'PublishMiddleware',
    'PublishOptions',
    'QueueInfo',
    'RefusedQueue',
    'Reply',
    'RequestInfo',
    'Result',
    'ResultGraph',
    'RetryOptions',
    'RetryPolicy',
    'RevokeOptions',
    'RunContext',
    'RunMiddleware',
    'Schedule',
    'ScheduleInput',
    'ScheduledInfo',
    'Schedules',
    'Serializer',
    'Settings',
    'SettingsInput',
    'SignalListener',
    'SignalMap',
    'SignalName',
    'SignatureData',
    'SolarEvent',
    'StampingVisitor',
    'Stamps',
    'StatsInfo',
    'Task',
    'TaskHooks',
    'TaskMeta',
    'TaskOptions',
    'TaskRequest',
    'TaskState',
    'TellOptions',
    'Worker',
    'WorkerOptions',
  ])
})

it('celeriac/worker', () => {
  const { values, types } = namesOf('worker/index.ts')
  expect(Object.keys(worker).sort()).toEqual(values)
  expect(values).toEqual(['Worker'])
  expect(types).toEqual([
    'AutoscaleRange',
    'Autoscaler',
    'AutoscalerParts',
    'Command',
    'CommandArgument',
    'CommandArguments',
    'CommandTarget',
    'Component',
    'ComponentHost',
    'CreateAutoscaler',
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
    'Undo',
    'WorkerFacts',
    'WorkerOptions',
  ])
})

it('celeriac/testing', () => {
  const { values, types } = namesOf('testing/index.ts')
  expect(Object.keys(testing).sort()).toEqual(values)
  expect(values).toEqual(['testBackend', 'testBeatStore', 'testPool', 'testTransport'])
  expect(types).toEqual([
    'BackendSuiteOptions',
    'BeatStoreUnderTest',
    'BrokerUnderTest',
    'PoolSuiteOptions',
    'StoreUnderTest',
    'TestRunner',
    'TransportSuiteOptions',
  ])
})

it('celeriac/events', () => {
  const { values, types } = namesOf('events/index.ts')
  expect(Object.keys(events).sort()).toEqual(values)
  expect(values).toEqual(['EventReceiver', 'State', 'TaskRecord', 'WorkerRecord'])
  expect(types).toEqual([
    'AppliedEvent',
    'CameraOptions',
    'CaptureOptions',
    'EventHandlers',
    'Received',
    'ReceivedEvent',
    'ReceiverOptions',
    'Shutter',
    'StateEvent',
    'StateOptions',
    'TaskQuery',
  ])
})
