/** The public door. What is not named here may change. */
export { Celery } from './celery.ts'
export type { AppMiddleware, AppOptions } from './app/app.ts'
export { migrateTasks } from './app/migrate.ts'
export type { MigrateTasksOptions } from './app/migrate.ts'
export type {
  AddConsumerOptions,
  BroadcastOptions,
  Control,
  ControlRevokeOptions,
  Reply,
  TellOptions,
} from './app/control.ts'
export type { Answers, Inspect, InspectOptions } from './app/inspect.ts'
export type { Call, PublishContext, PublishMiddleware } from './app/send.ts'
export type { PeriodicTaskOptions } from './app/entries.ts'
export type { CatchUp, EntryDefinition, EntryInput, EntryOptions } from './app/entry.ts'
export type { Settings, SettingsInput } from './app/settings.ts'
export type { Beat, BeatOptions } from './beat/beat.ts'
export type { EntryInfo, Schedules } from './beat/schedules.ts'
export { Canvas } from './canvas/canvas.ts'
export { Chain } from './canvas/chain.ts'
export { chord, Chord } from './canvas/chord.ts'
export { chunks, Chunks, starmap, xmap } from './canvas/chunks.ts'
export { group, Group } from './canvas/group.ts'
export { chain } from './canvas/pipe.ts'
export { Signature } from './canvas/signature.ts'
export type { AnySignature } from './canvas/signature.ts'
export type { PublishOptions } from './canvas/options.ts'
export type { StampingVisitor, Stamps } from './canvas/stamping.ts'
export {
  AlreadyRegistered,
  AlreadyRunning,
  BackendError,
  BackendGetMetaError,
  BackendStoreError,
  CeleryError,
  ChannelError,
  ChordError,
  ConnectionError,
  ContentDisallowed,
  DecodeError,
  EncodeError,
  EntryNotFound,
  Ignore,
  ImproperlyConfigured,
  IncompleteStream,
  InvalidTaskError,
  MaxRetriesExceededError,
  MissingDriver,
  NoResultBackend,
  NotRegistered,
  OperationalError,
  QueueNotFound,
  Reject,
  Retry,
  SecurityError,
  SerializationError,
  SoftTimeLimitExceeded,
  TaskError,
  TaskPredicate,
  TaskRevokedError,
  Terminated,
  TimeLimitExceeded,
  TimeoutError,
  WorkerError,
  WorkerLostError,
  WorkerShutdown,
} from './errors.ts'
export type { MigrationProgress, MigrationResult, RefusedQueue } from './messaging/migration.ts'
export type { RetryPolicy } from './messaging/producer.ts'
export type { ErrorReply, OkReply, QueueInfo, RequestInfo, ScheduledInfo, StatsInfo } from './protocol/control.ts'
export type { TaskMeta } from './protocol/result.ts'
export type { SignatureData } from './protocol/signature.ts'
export type { TaskState } from './protocol/states.ts'
export { AsyncResult, resultFromTuple } from './result/async-result.ts'
export { EagerResult } from './result/eager-result.ts'
export type { ResultGraph } from './result/graph.ts'
export { GroupResult } from './result/group-result.ts'
export { ResultSet } from './result/result-set.ts'
export type { JoinOptions } from './result/result-set.ts'
export type { GetOptions, Result, RevokeOptions } from './result/result.ts'
export { clocked } from './schedule/clocked.ts'
export { crontab } from './schedule/crontab.ts'
export type { CrontabFields, CrontabOptions } from './schedule/crontab.ts'
export type { ScheduleInput } from './schedule/input.ts'
export { interval } from './schedule/interval.ts'
export type { IntervalOptions } from './schedule/interval.ts'
export type { Schedule } from './schedule/schedule.ts'
export { solar } from './schedule/solar.ts'
export type { SolarEvent } from './schedule/solar.ts'
export type { Serializer } from './serialization/serializer.ts'
export type { SignalListener, SignalMap, SignalName } from './signals.ts'
export { currentTask, TaskContext } from './task/context.ts'
export type { TaskHooks, TaskOptions } from './task/options.ts'
export type { TaskRequest } from './task/request.ts'
export type { RetryOptions } from './task/retry.ts'
export type { Task } from './task/task.ts'
export type { RunContext, RunMiddleware } from './task/trace.ts'
export { createLogger } from './util/logger.ts'
export type { LogFields, Logger, LogLevel, LogRecord } from './util/logger.ts'
export type { Middleware } from './util/compose.ts'
export type { Command, CommandArgument, CommandArguments, CommandTarget } from './worker/commands/command.ts'
export type { Component, ComponentHost } from './worker/component.ts'
export type { Worker, WorkerOptions } from './worker/worker.ts'
