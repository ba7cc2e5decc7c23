/**
 * App: holds the parts together. Everything is opened when it is first needed, so that making an app and declaring its
 * tasks costs nothing; several apps live in one process without seeing each other.
 */
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ResultBackend } from '../backend/backend.ts'
import { BackendRegistry } from '../backend/registry.ts'
import { Canvas } from '../canvas/canvas.ts'
import type { CanvasPolicy, ChordPolicy, PlannedCall } from '../canvas/host.ts'
import type { PublishOptions, SignatureLike } from '../canvas/options.ts'
import { createSignature } from '../canvas/signature.ts'
import type { AnySignature, SetOptions, Signature } from '../canvas/signature.ts'
import { SqliteFiles } from '../driver/sqlite.ts'
import { ImproperlyConfigured, NotRegistered } from '../errors.ts'
import type { BrokerConnection, BrokerConnectionOptions } from '../messaging/connection.ts'
import type { Mailbox } from '../messaging/mailbox.ts'
import type { Message } from '../protocol/message.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { COMPRESSION_HEADER } from '../protocol/names.ts'
import { anonymousNodename } from '../protocol/nodename.ts'
import { AsyncResult } from '../result/async-result.ts'
import type { RevokeOptions } from '../result/async-result.ts'
import type { EagerResult } from '../result/eager-result.ts'
import { ResultSet } from '../result/result-set.ts'
import type { Members } from '../result/result-set.ts'
import { SavedGroups } from '../result/saved-groups.ts'
import type { ScheduleInput } from '../schedule/input.ts'
import { SerializationRegistry } from '../serialization/registry.ts'
import type { AcceptList } from '../serialization/registry.ts'
import { Signals } from '../signals.ts'
import { TaskContext } from '../task/context.ts'
import type { TaskOptions } from '../task/options.ts'
import { TaskRegistry } from '../task/registry.ts'
import type { RegisteredTask } from '../task/registry.ts'
import { TaskRequest } from '../task/request.ts'
import type { ArgumentsSchema, SchemaInput, SchemaOutput } from '../task/schema.ts'
import { createTask, TaskDefinition } from '../task/task.ts'
import type { Task, TaskFunction, TaskHost, TaskSettings } from '../task/task.ts'
import { Tracer } from '../task/trace.ts'
import type { RunMiddleware } from '../task/trace.ts'
import { TransportRegistry } from '../transport/registry.ts'
import type { Binding } from '../transport/transport.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { LamportClock } from '../util/lamport-clock.ts'
import { Lazy } from '../util/lazy.ts'
import { LogOutlet, parseLogLevel } from '../util/logger.ts'
import type { Logger, LoggerOptions } from '../util/logger.ts'
import { uuid7 } from '../util/uuid.ts'
import { builtinTask } from './builtin-tasks.ts'
import { callSite } from './call-site.ts'
import { Connections } from './connections.ts'
import { ConfigFile } from './config-file.ts'
import { readObject } from './config-source.ts'
import { Config } from './config.ts'
import { Control } from './control.ts'
import { readDeclaration } from './declaration.ts'
import { asSent, runEagerly } from './eager.ts'
import { Entries } from './entries.ts'
import type { Complete, PeriodicTaskOptions } from './entries.ts'
import { Events } from './events.ts'
import { appBrand } from './loader.ts'
import type { AppLocation } from './loader.ts'
import { Outgoing } from './outgoing.ts'
import { Queues } from './queues.ts'
import type { Call, PublishMiddleware } from './send.ts'
import type { Settings, SettingsInput } from './settings.ts'
import { TaskModules } from './task-modules.ts'

/** What a new app may be told: its broker and backend, any setting, and who logs. */
export interface AppOptions extends SettingsInput {
  /** Broker URL, or a list in fail-over order. Default: $CELERY_BROKER_URL, else `sqlite:///celeriac.db`. */
  readonly broker?: string | readonly string[]
  /** Result backend URL. Default: $CELERY_RESULT_BACKEND, else the broker's file when that is the default, else none. */
  readonly backend?: string
  /** Takes the log lines of this app. Default: standard error, from $CELERY_LOG_LEVEL on, else warnings and worse. */
  readonly logger?: Logger
  /** The clock; tests have one that they move by hand. */
  readonly clock?: Clock
}

/** Middleware around publishing a call, around running one, or both. */
export interface AppMiddleware {
  readonly publish?: PublishMiddleware
  readonly run?: RunMiddleware
}

/** How runs are traced in this process. */
export interface TracerOptions {
  /** Waiting for a result inside a task may take the last slot. */
  readonly joinWillBlock: boolean
  readonly logger?: Logger
}

/** This package's own modules lie here; an app is made by the first file outside. */
const OWN_FOLDER = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** An app without a worker; `Celery` adds that. */
export class App implements TaskHost {
  /** The first part of automatic task names. */
  readonly main: string
  /** The settings. */
  readonly conf: Config
  /** The tasks that are declared, by name. */
  readonly tasks: TaskRegistry = new TaskRegistry((name) => this.#builtin(name))
  /** What happens, told to whoever listens. */
  readonly signals: Signals
  readonly logger: Logger
  readonly clock: Clock
  /** Celery's Lamport clock: it moves with every event and every message of remote control. */
  readonly logicalClock: LamportClock = new LamportClock()
  /** Serializers and compressions; register your own here. */
  readonly serialization: SerializationRegistry = new SerializationRegistry()
  /** Brokers by URL scheme; register your own here. */
  readonly transports: TransportRegistry = new TransportRegistry()
  /** Result backends by URL scheme; register your own here. */
  readonly backends: BackendRegistry = new BackendRegistry()
  /** Results of groups that were saved. */
  readonly groupResult: SavedGroups = new SavedGroups(this)
  /** Remote control of the workers. */
  readonly control: Control
  /** What happens in the cluster: hearing it, and looking at it. */
  readonly events: Events
  /** The file that made this app: relative task modules start there. Undefined in a REPL. */
  readonly file: string | undefined
  /** What the app's own code puts on beat's timetable. */
  readonly entries: Entries = new Entries(() => this.conf.values)
  /** The kinds of signatures; register your own here. */
  readonly canvas: Canvas = new Canvas(this)
  /** Where results that travel as messages go to (`reply_to`). */
  readonly replyTo: string = uuid7()
  readonly #outlet: LogOutlet
  readonly #publishMiddleware: PublishMiddleware[] = []
  readonly #runMiddleware: RunMiddleware[] = []
  readonly #connections: Connections
  readonly #configFile: ConfigFile
  readonly #modules: TaskModules
  readonly #outgoing = new Lazy(() => this.#openOutgoing())
  readonly #backend = new Lazy(async () => this.#connections.backend(await this.prepare()))
  #queues: Queues | undefined
  #imported: Promise<void> | undefined
  /** Read for every message, so made once for each value of the setting. */
  #accepted: { readonly names: readonly string[]; readonly list: AcceptList } | undefined
  #isChild = false

  constructor(main: string = 'celeriac', options: AppOptions = {}) {
    const { broker, backend, logger, clock, ...settings } = options
    this.main = main
    this.#outlet = new LogOutlet({ level: parseLogLevel(process.env['CELERY_LOG_LEVEL'] ?? '') ?? 'WARNING' })
    this.logger = logger ?? this.#outlet.logger
    this.clock = clock ?? systemClock
    this.signals = new Signals(this.logger)
    this.file = callSite(new Error('made here').stack, OWN_FOLDER)
    this.conf = new Config({
      explicit: {
        ...settings,
        brokerUrl: broker ?? settings.brokerUrl,
        resultBackend: backend ?? settings.resultBackend,
      },
    })
    const { logicalClock } = this
    this.#connections = new Connections({
      transports: this.transports,
      backends: this.backends,
      serialization: this.serialization,
      logger: this.logger,
      clock: this.clock,
      logicalClock,
      replyTo: this.replyTo,
      sqlite: new SqliteFiles(),
      decode: (message) => this.decode(message),
    })
    this.#configFile = new ConfigFile(this.conf)
    this.#modules = new TaskModules(this.file)
    this.control = new Control({
      mailbox: async () => this.createMailbox((await this.#outgoing.get()).connection),
      connection: async () => (await this.#outgoing.get()).connection,
      queues: () => this.queueNames(),
      logger: this.logger,
    })
    this.events = new Events({
      settings: () => this.conf.values,
      connect: (purpose) => this.connect(purpose),
      outgoing: async () => (await this.#outgoing.get()).connection,
      isChild: () => this.#isChild,
      broadcast: (command) => this.control.broadcast(command),
      serialization: this.serialization,
      logger: this.logger,
      clock: this.clock,
      logicalClock,
    })
  }

  /** The queues that this app declares. */
  get queues(): Queues {
    return (this.#queues ??= new Queues(this.conf.values))
  }

  /** How children of a worker find this app; undefined where no file made it. */
  get location(): AppLocation | undefined {
    return this.file === undefined ? undefined : { file: this.file, exportName: undefined }
  }

  // Settings

  /**
   * Take settings from an object, or from a file (.json, .js, .ts, .yaml; relative to the file that made the app) when
   * they are first needed. They take the place of those that came this way before. With `namespace`, only names with
   * that prefix count. Throws `ImproperlyConfigured` for an object that does not fit; for a file, the first call does.
   */
  configFromObject(source: SettingsInput | string, options: { readonly namespace?: string } = {}): this {
    if (typeof source === 'string') this.#configFile.name(this.#modules.resolve(source), options)
    else {
      this.conf.setSource(readObject(source, options))
      this.#configFile.forget()
    }
    return this
  }

  /** Take settings from the file that the environment variable `name` names. */
  configFromEnvvar(name: string): this {
    const file = process.env[name]
    if (file === undefined || file === '') {
      throw new ImproperlyConfigured(`The environment variable ${name} is not set; it should name a settings file`)
    }
    return this.configFromObject(file)
  }

  // Tasks

  /**
   * Declare a task. Argument and result types flow from the function, or from its `schema`; with `bind: true` its first
   * parameter is the `TaskContext`. Throws `AlreadyRegistered` when another function has the name.
   */
  task<A extends unknown[], R>(name: string, fn: (...args: A) => R): Task<A, Awaited<R>, R>
  task<const S extends ArgumentsSchema, R>(
    name: string,
    options: TaskOptions & { readonly bind: true; readonly schema: S },
    fn: (self: TaskContext<this>, ...args: SchemaOutput<S>) => R,
  ): Task<SchemaInput<S>, Awaited<R>, R>
  task<const S extends ArgumentsSchema, R>(
    name: string,
    options: TaskOptions & { readonly bind?: false; readonly schema: S },
    fn: (...args: SchemaOutput<S>) => R,
  ): Task<SchemaInput<S>, Awaited<R>, R>
  task<A extends unknown[], R>(
    name: string,
    options: TaskOptions & { readonly bind: true },
    fn: (self: TaskContext<this>, ...args: A) => R,
  ): Task<A, Awaited<R>, R>
  task<A extends unknown[], R>(
    name: string,
    options: TaskOptions & { readonly bind?: false },
    fn: (...args: A) => R,
  ): Task<A, Awaited<R>, R>
  task<A extends unknown[], R>(fn: (...args: A) => R): Task<A, Awaited<R>, R>
  task(first: string | TaskFunction, second?: TaskOptions | TaskFunction, third?: TaskFunction): unknown {
    const { name, options, fn } = readDeclaration(this.main, first, second, third)
    const definition = new TaskDefinition(name, fn, options, this)
    const task = createTask(definition, this)
    this.tasks.register({ definition, task })
    return task
  }

  /** Import more task modules when the worker starts: globs, relative to the file that made the app. */
  autodiscoverTasks(globs: string | readonly string[]): this {
    this.#modules.discover(typeof globs === 'string' ? [globs] : globs)
    return this
  }

  /**
   * Import the modules of the settings `imports` and `include`, and what `autodiscoverTasks` names. Once; rejects with
   * `ImproperlyConfigured` where one cannot be loaded.
   */
  importTasks(): Promise<void> {
    return (this.#imported ??= this.#importTasks().catch((error: unknown) => {
      this.#imported = undefined
      throw error
    }))
  }

  /**
   * A signature by name, for tasks that live elsewhere; or plain data, such as `JSON.parse` gives, as a signature of its
   * kind again. Throws `InvalidTaskError` for data that is none.
   */
  signature(name: string, args?: readonly unknown[], options?: SetOptions): Signature
  signature(data: SignatureLike): AnySignature
  signature(
    given: string | SignatureLike,
    args: readonly unknown[] = [],
    options: SetOptions = {},
  ): Signature | AnySignature {
    return typeof given === 'string' ? createSignature(this, given, args, options) : this.canvas.signature(given)
  }

  /**
   * Have beat send a signature on a schedule, or every so many seconds. It must lack no argument, where the compiler knows
   * its task. Answers the entry's name, by default the signature's text. Throws `ImproperlyConfigured` for what cannot be,
   * such as a work-flow.
   *
   *     app.addPeriodicTask('0 9 * * mon-fri', report.s('sales'), { name: 'sales report', expires: 600 })
   */
  addPeriodicTask<A extends unknown[]>(
    schedule: ScheduleInput,
    signature: Complete<A>,
    options: PeriodicTaskOptions = {},
  ): string {
    return this.entries.addSignature(schedule, signature, options)
  }

  // Calling

  /** Send a task by name; it needs not be registered here. Resolves once the broker has it. */
  sendTask(name: string, args: readonly unknown[] = [], options: PublishOptions = {}): Promise<AsyncResult> {
    const open = this.#outgoing.current
    if (open !== undefined) return open.sender.send(name, args, options)
    return this.#outgoing.get().then(({ sender }) => sender.send(name, args, options))
  }

  /** Send many in few round trips. Resolves once the broker has them all. */
  async sendTasks(calls: readonly Call[]): Promise<AsyncResult[]> {
    const { sender } = this.#outgoing.current ?? (await this.#outgoing.get())
    return sender.sendMany(calls)
  }

  /** Make one call by name: publish it, or run it here with `taskAlwaysEager`. */
  call(name: string, args: readonly unknown[], options: PublishOptions = {}): Promise<AsyncResult> {
    const definition = this.conf.values.taskAlwaysEager ? this.tasks.definition(name) : undefined
    return definition === undefined ? this.sendTask(name, args, options) : this.#callHere(definition, args, options)
  }

  /** Publish many calls in few round trips. */
  callMany(calls: readonly PlannedCall[]): Promise<AsyncResult[]> {
    return this.sendTasks(calls)
  }

  /** Run a task by name here and now. Rejects with `NotRegistered` where it is not one of this app. */
  async apply(name: string, args: readonly unknown[], options: PublishOptions = {}): Promise<EagerResult> {
    const definition = this.tasks.definition(name)
    if (definition === undefined) throw new NotRegistered(name)
    return this.applyTask(definition, args, options)
  }

  /** Run a registered task here and now, as a worker would. Rejects with its error with `taskEagerPropagates`. */
  applyTask(definition: TaskDefinition, args: readonly unknown[], options: PublishOptions): Promise<EagerResult> {
    return this.#runHere(definition, args, options, false)
  }

  /** A context for a task that is called like a function. */
  directContext(definition: TaskDefinition, args: readonly unknown[]): TaskContext {
    const { name, policy } = definition
    const request = TaskRequest.direct(name, uuid7(), args, anonymousNodename())
    const abort = new AbortController()
    return new TaskContext({
      app: this,
      host: this,
      taskName: name,
      request,
      limits: policy,
      logger: this.logger,
      signal: () => abort.signal,
      // Nobody waits for a state of a plain function call.
      storeState: () => undefined,
      sendEvent: (type, fields) => this.sendEvent(type, fields, request.hostname),
    })
  }

  /** Send an event from a node, as a task that runs there does. */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>>, hostname: string): Promise<void> {
    return this.events.defaultDispatcher(hostname).publish(type, fields)
  }

  /** A new task id. */
  newId(): string {
    return uuid7(this.clock.now())
  }

  /** The settings of work-flows. */
  canvasPolicy(): CanvasPolicy {
    const { taskAlwaysEager, taskProtocol, taskWorkflowWarnSize } = this.conf.values
    return { alwaysEager: taskAlwaysEager, chainsAsLinks: taskProtocol === 1, warnSize: taskWorkflowWarnSize }
  }

  /** Log a warning. */
  warn(message: string): void {
    this.logger.warning(message)
  }

  /** The settings of chords. */
  chordPolicy(): ChordPolicy {
    const { resultChordJoinTimeout, resultChordRetryInterval, taskAllowErrorCbOnChordHeader } = this.conf.values
    return {
      joinTimeoutMs: resultChordJoinTimeout * 1000,
      retryInterval: resultChordRetryInterval,
      errbacksOnHeader: taskAllowErrorCbOnChordHeader,
    }
  }

  /** Call a registered function as an errback: not bound, with more than one parameter. False where it is not one. */
  async callErrback(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> = {},
  ): Promise<boolean> {
    const definition = this.tasks.definition(name)
    if (definition === undefined || definition.options.bind === true || definition.parameters.arity < 2) return false
    // Without names it is a plain call, which may leave off the traceback as any JavaScript function may.
    const all = Object.keys(kwargs).length === 0 ? args : definition.bindArguments(args, kwargs)
    await (definition.fn as (...all: unknown[]) => unknown)(...all)
    return true
  }

  // Results

  /** The result of a task by its id. */
  asyncResult<R = unknown>(taskId: string): AsyncResult<R> {
    return new AsyncResult<R>(taskId, this)
  }

  /** Several results as one, to be waited for together. */
  resultSet<R extends readonly unknown[]>(results: Members<R>): ResultSet<R> {
    return new ResultSet<R>(results, this)
  }

  /** The result backend, opened when first asked for. */
  backend(): Promise<ResultBackend> {
    return this.#backend.get()
  }

  /** Let the workers elect one among them, who calls this. */
  async elect(id: string, signature: SignatureData): Promise<void> {
    await this.control.election(id, 'task', signature)
  }

  /** Tell all workers to drop these tasks, or with `terminate` to end them. */
  async revoke(taskIds: readonly string[], options: RevokeOptions): Promise<void> {
    const { terminate = false, signal = 'SIGTERM' } = options
    await this.control.revoke(taskIds, { terminate, signal })
  }

  // Around

  /** Wrap publishing, running, or both. The first one is the outermost. Use it before the first call. */
  use(middleware: AppMiddleware): this {
    if (middleware.publish !== undefined) this.#publishMiddleware.push(middleware.publish)
    if (middleware.run !== undefined) this.#runMiddleware.push(middleware.run)
    return this
  }

  /** Have the log lines written elsewhere, or from another level on. False, and no effect, with a logger of the user's. */
  redirectLog(options: LoggerOptions): boolean {
    this.#outlet.redirect(options)
    return this.logger === this.#outlet.logger
  }

  /** What runs tasks in this process. */
  async createTracer(options: TracerOptions): Promise<Tracer> {
    const settings = await this.prepare()
    const backend = await this.backend()
    return new Tracer({
      host: this,
      tasks: this.tasks,
      signals: this.signals,
      logger: options.logger ?? this.logger,
      clock: this.clock,
      backend,
      middleware: this.#runMiddleware,
      decode: (message) => this.decode(message),
      resultExtended: settings.resultExtended,
      inheritPriority: settings.taskInheritParentPriority,
      joinWillBlock: options.joinWillBlock,
      zone: settings.timezone,
    })
  }

  /** Decode a task message's body. Throws `ContentDisallowed`, `DecodeError`. */
  decode(message: Message): unknown {
    const compression = message.headers[COMPRESSION_HEADER]
    return this.serialization.decodeBody(
      message,
      typeof compression === 'string' ? compression : undefined,
      this.acceptList(),
    )
  }

  /** The content types that are accepted in messages. */
  acceptList(): AcceptList {
    const { acceptContent } = this.conf.values
    if (this.#accepted?.names !== acceptContent) {
      this.#accepted = { names: acceptContent, list: this.serialization.acceptList(acceptContent) }
    }
    return this.#accepted.list
  }

  /** The settings behind the options of tasks; the same object until they change. */
  taskDefaults(): TaskSettings {
    return this.conf.values
  }

  /** Settings read from files, serializers loaded: all that must be there before the first message. */
  async prepare(): Promise<Settings> {
    await this.#configFile.read()
    const settings = this.conf.values
    await this.serialization.load([
      settings.taskSerializer,
      settings.resultSerializer,
      settings.eventSerializer,
      ...settings.acceptContent,
      ...settings.resultAcceptContent,
      settings.taskCompression,
      settings.resultCompression,
    ])
    return settings
  }

  /** Remote control over a connection, for a worker or a caller. */
  createMailbox(connection: BrokerConnection): Mailbox {
    return this.#connections.mailbox(this.conf.values, connection)
  }

  /** Names of the queues that are declared. */
  async queueNames(): Promise<string[]> {
    await this.prepare()
    return this.queues.all().map((queue) => queue.name)
  }

  /** Queues with the exchange and routing key that each is bound by; undefined where the broker cannot tell. */
  async listBindings(): Promise<readonly Binding[] | undefined> {
    const { connection } = await this.#outgoing.get()
    return connection.withChannel((channel) => channel.listBindings?.() ?? Promise.resolve(undefined))
  }

  /** A connection of its own, for who consumes (`read`, the default) or publishes (`write`). The caller closes it. */
  async connect(purpose: 'read' | 'write' = 'read'): Promise<BrokerConnection> {
    return this.#connections.broker(await this.prepare(), purpose)
  }

  /** How the app's broker is found, for who publishes. */
  async brokerOptions(): Promise<BrokerConnectionOptions> {
    return this.#connections.brokerOptions(await this.prepare(), 'write')
  }

  /**
   * A connection of its own to another broker, which is not tried twice. Options of a transport go into its URL; those of
   * the settings belong to the app's own broker. The caller closes it.
   */
  async connectTo(url: string): Promise<BrokerConnection> {
    return this.#connections.brokerAt(url, await this.prepare())
  }

  /** This process is a worker's child: settings as the worker has them, and no worker is started in it. */
  becomeChild(settings: SettingsInput): void {
    this.#isChild = true
    this.conf.update(settings)
  }

  /** Is this process a worker's child? */
  get isChild(): boolean {
    return this.#isChild
  }

  /** Publish what is on its way, then close everything. May be called twice; the app can be used again afterwards. */
  async close(): Promise<void> {
    try {
      await this.events.close()
      await this.#outgoing.close()
    } finally {
      await this.#backend.close()
    }
  }

  /** For `await using`: closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #builtin(name: string): RegisteredTask | undefined {
    const builtin = builtinTask(this, name)
    if (builtin === undefined) return undefined
    const definition = new TaskDefinition(name, builtin.fn, builtin.options, this)
    return { definition, task: createTask(definition, this) }
  }

  /** With `taskAlwaysEager`: what would be wrong with a call that is sent is wrong with this one. */
  async #callHere(definition: TaskDefinition, args: readonly unknown[], options: PublishOptions): Promise<EagerResult> {
    const kwargs = options.kwargs ?? {}
    await definition.check(args, kwargs)
    await this.prepare()
    const serializer = options.serializer ?? definition.policy.serializer
    const sent = await asSent({ args, kwargs }, serializer, this.serialization)
    return this.#runHere(definition, sent.args, { ...options, kwargs: sent.kwargs }, true)
  }

  async #runHere(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: PublishOptions,
    joinWillBlock: boolean,
  ): Promise<EagerResult> {
    const result = await runEagerly(definition, args, options, {
      tracer: await this.createTracer({ joinWillBlock }),
      results: this,
      backend: await this.backend(),
      hostname: anonymousNodename(),
    })
    if (this.conf.values.taskEagerPropagates) await result.get({ disableSyncSubtasks: false })
    return result
  }

  async #openOutgoing(): Promise<Outgoing> {
    const settings = await this.prepare()
    if (await this.#connections.sendsReplies(settings)) await this.backend()
    return new Outgoing({
      settings,
      connection: this.#connections.broker(settings, 'write'),
      queues: this.queues,
      tasks: this.tasks,
      serialization: this.serialization,
      signals: this.signals,
      clock: this.clock,
      results: this,
      middleware: this.#publishMiddleware,
      origin: anonymousNodename(),
      replyTo: this.replyTo,
      replies: () => this.#backend.current?.replies,
      events: () => this.events.defaultDispatcher(),
    })
  }

  async #importTasks(): Promise<void> {
    const modules = await this.#modules.import(await this.prepare())
    await this.signals.send('import-modules', { modules })
  }
}

Object.defineProperty(App.prototype, appBrand, { value: true })
