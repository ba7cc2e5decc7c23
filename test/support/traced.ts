/** A tracer over a few tasks, for tests: no broker, no worker, a backend that is a list. */
import type { EncodedResult, ResultBackend } from '../../src/backend/backend.ts'
import type { PublishOptions } from '../../src/canvas/options.ts'
import type { Body } from '../../src/protocol/message.ts'
import type { ChordPart, TaskMeta } from '../../src/protocol/result.ts'
import { EncodeError } from '../../src/errors.ts'
import { encodeTask } from '../../src/protocol/task.ts'
import type { TaskCall } from '../../src/protocol/task.ts'
import { EagerResult } from '../../src/result/eager-result.ts'
import { Signals } from '../../src/signals.ts'
import type { Progress } from '../../src/task/execution.ts'
import type { TaskOptions } from '../../src/task/options.ts'
import type { Outcome } from '../../src/task/outcome.ts'
import { TaskRegistry } from '../../src/task/registry.ts'
import { bareHead, NO_EMBED } from '../../src/task/request.ts'
import { createTask, TaskDefinition } from '../../src/task/task.ts'
import type { Task, TaskFunction, TaskHost } from '../../src/task/task.ts'
import { Tracer } from '../../src/task/trace.ts'
import type { RunMiddleware } from '../../src/task/trace.ts'
import { createLogger } from '../../src/util/logger.ts'
import type { SettingsInput } from '../../src/app/settings.ts'
import { fakeClock } from './fake-clock.ts'
import { fakeHost } from './fake-host.ts'
import type { NotedCall } from './fake-host.ts'
import { taskDefaults } from './task-defaults.ts'

/** The tracer, and what came of its runs. */
export interface Traced {
  readonly host: TaskHost
  readonly tracer: Tracer
  readonly tasks: TaskRegistry
  readonly signals: Signals
  readonly calls: NotedCall[]
  readonly errbacks: Map<string, (...args: readonly unknown[]) => unknown>
  readonly stored: TaskMeta[]
  /** What was counted: parts, by what they say. */
  readonly counted: ChordPart[]
  readonly logged: string[]
  readonly abort: AbortController
  task(name: string, options: TaskOptions, fn: TaskFunction): Task
  run(call: Partial<TaskCall> & { readonly name: string }): Promise<Outcome>
  runEagerly(name: string, args?: readonly unknown[]): Promise<Readonly<Progress>>
}

/** What is other than usual. */
export interface TracedOptions {
  readonly settings?: SettingsInput
  readonly middleware?: readonly RunMiddleware[]
  readonly resultExtended?: boolean
  /** Storing fails with this. */
  readonly storeError?: Error
}

/** A new tracer. */
export function traced(options: TracedOptions = {}): Traced {
  const { host: calling, calls, errbacks } = fakeHost()
  const defaults = taskDefaults(options.settings)
  const logged: string[] = []
  const logger = createLogger({ level: 'DEBUG', write: (record) => logged.push(record.message) })
  const signals = new Signals(logger)
  const tasks = new TaskRegistry()
  const stored: TaskMeta[] = []
  const counted: ChordPart[] = []
  const host: TaskHost = {
    ...calling,
    taskDefaults: () => defaults,
    applyTask: (definition: TaskDefinition, _args: readonly unknown[], _options: PublishOptions) =>
      Promise.resolve(
        new EagerResult(definition.name, calling, { state: 'SUCCESS', value: undefined, traceback: undefined }),
      ),
    sendEvent: () => Promise.resolve(),
    directContext: () => {
      throw new Error('not called directly here')
    },
  }
  const tracer = new Tracer({
    host,
    tasks,
    signals,
    logger,
    clock: fakeClock(),
    backend: { encodeResult, chords: { encodePart } } as unknown as ResultBackend,
    middleware: options.middleware ?? [],
    decode: (message) => JSON.parse(message.body as string),
    resultExtended: options.resultExtended ?? false,
    inheritPriority: false,
    joinWillBlock: true,
    zone: 'UTC',
  })
  const abort = new AbortController()
  const control = {
    signal: abort.signal,
    store: (result: EncodedResult): void => {
      if (options.storeError !== undefined) throw options.storeError
      stored.push(JSON.parse(result.body as string) as TaskMeta)
    },
    endPart: (body: Body): void => {
      counted.push(JSON.parse(body as string) as ChordPart)
    },
  }
  const deliveryInfo = { exchange: '', routing_key: 'celery', priority: 3, redelivered: false }
  return {
    host,
    tracer,
    tasks,
    signals,
    calls,
    errbacks,
    stored,
    counted,
    logged,
    abort,
    task(name, taskOptions, fn) {
      const definition = new TaskDefinition(name, fn, taskOptions, host)
      const task = createTask(definition, host)
      tasks.register({ definition, task })
      return task
    },
    async run(call) {
      const encoded = encodeTask({ id: 'id-1', args: [], kwargs: {}, origin: 'gen1@test', ...call })
      const message = {
        headers: encoded.headers,
        properties: encoded.properties,
        body: JSON.stringify(encoded.body),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
      }
      return tracer.run({ message, deliveryInfo, hostname: 'celery@test' }, control)
    },
    async runEagerly(name, args = []) {
      const fields = { head: bareHead(name, 'id-1'), args, kwargs: {}, embed: NO_EMBED, message: { properties: {} } }
      return tracer.runEagerly({ ...fields, deliveryInfo, hostname: 'celery@test' }, control)
    },
  }
}

function encodeResult(meta: TaskMeta): EncodedResult {
  if (typeof meta.result === 'function') throw new TypeError('functions have no form')
  return { taskId: meta.task_id, status: meta.status, body: JSON.stringify(meta) }
}

function encodePart(part: ChordPart): Body {
  if (typeof part.result === 'symbol') throw new EncodeError('symbols have no form')
  return JSON.stringify(part)
}
