/**
 * `celeriac worker`: options to settings and worker options, and the start banner. What a worker does is `src/worker/`;
 * what is around it, `service.ts`; its signals, `worker-signals.ts`.
 */
import { release, type } from 'node:os'
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { readOverrides } from '../app/config-source.ts'
import { locateApp } from '../app/finder.ts'
import { formatQueues } from '../app/queues.ts'
import type { Celery } from '../celery.ts'
import { defaultNodename, expandNodename } from '../protocol/nodename.ts'
import { maskPassword } from '../util/url.ts'
import { bannerTasks, startBanner } from '../worker/banner.ts'
import type { AutoscaleRange } from '../worker/autoscaler.ts'
import type { WorkerFacts, WorkerOptions } from '../worker/worker.ts'
import { beatComponent } from './beat.ts'
import { EXIT_USAGE, type CommandRunner } from './command.ts'
import { detach, replaceDaemon } from './daemon.ts'
import { autoscaleRange, commaList, positiveNumber, seconds, wholeNumber } from './options.ts'
import { checkRoot, dropPrivileges } from './privileges.ts'
import { isReloaded, reload } from './reload.ts'
import { addServiceOptions, runService } from './service.ts'
import type { ServiceDefaults, ServiceOptions } from './service.ts'
import type { Session } from './session.ts'
import { packageVersion } from '../app/version.ts'
import { watchSignals } from './worker-signals.ts'

/** What the command line says. Names are those of the flags. */
interface WorkerCommandOptions extends ServiceOptions {
  readonly hostname?: string
  readonly concurrency?: number
  readonly autoscale?: AutoscaleRange
  readonly pool?: string
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
  readonly include?: readonly string[]
  /** Understood for the sake of Celery's command lines. */
  readonly optimization?: string
  readonly prefetchMultiplier?: number
  readonly disablePrefetch?: boolean
  readonly timeLimit?: number
  readonly softTimeLimit?: number
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly statedb?: string
  readonly beat?: boolean
  readonly schedule?: string
  readonly taskEvents?: boolean
  readonly events?: boolean
  readonly heartbeatInterval?: number
  readonly withoutHeartbeat?: boolean
  readonly withoutMingle?: boolean
  readonly withoutGossip?: boolean
  readonly purge?: boolean
  readonly discard?: boolean
  readonly reload?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts worker -l info
  $ celeriac -A app.ts worker -c 8 -Q video,image -n media@%h
  $ celeriac -A app.ts worker -P async -c 200          many tasks that wait for the network
  $ celeriac -A app.ts worker --autoscale=10,2         two child processes, up to ten while there is work
  $ celeriac -A app.ts worker --reload                 while you write the tasks
  $ celeriac -A app.ts worker -D -f log/%n.log --pidfile run/%n.pid    in the background
  $ celeriac -A app.ts worker worker.lost_wait=5       any setting of the worker, as the last arguments

Ctrl+C or SIGTERM lets running tasks end; Ctrl+C again, or SIGQUIT, cancels them and gives their messages back.
Options may also come from the environment: CELERY_WORKER_CONCURRENCY=8.`

/** Add the command to the program. */
export function addWorkerCommand(program: Command, run: CommandRunner): void {
  const command = program
    .command('worker')
    .description('Run tasks.')
    .usage('[options] [worker.SETTING=VALUE ...]')
    .argument('[settings...]', 'settings that win over all others')
    .option('-n, --hostname <name>', 'the node name: NAME@HOST; %h is the host, %n its short name, %d its domain')
    .option('-S, --statedb <file>', 'keep revoked ids over restarts in this file; %h, %n and %d as in the node name')
    .option('-B, --beat', 'run a beat inside the worker; of those of several workers, one leads')
    .option('-s, --schedule <file>', 'the file of last runs for --beat, where the broker cannot keep them (RabbitMQ)')
    .option('-I, --include <modules>', 'more task modules, divided by commas', commaList)
  addServiceOptions(command.option('--reload', 'for development: start again when a file of the project changes'))
    .optionsGroup('Pool options:')
    .option('-c, --concurrency <number>', 'how many tasks run at a time (default: the number of cores)', positiveNumber)
    .option(
      '--autoscale <max,min>',
      'how many at most, and at least (default: 0), as tasks come and go',
      autoscaleRange,
    )
    .option('-P, --pool <name>', 'where tasks run: prefork (child processes), threads, async or solo (this process)')
    .option('--time-limit <seconds>', 'kill tasks that take longer', seconds)
    .option('--soft-time-limit <seconds>', 'abort the signal of tasks that take longer', seconds)
    .option('--max-tasks-per-child <number>', 'replace a child process after so many tasks', positiveNumber)
    .option('--max-memory-per-child <KiB>', 'replace a child process that has more memory than this', positiveNumber)
    .addOption(
      new Option('-O, --optimization <profile>', "Celery's; tasks always go to who is free, which is fair").choices([
        'default',
        'fair',
      ]),
    )
    .optionsGroup('Queue options:')
    .option('-Q, --queues <names>', 'only these queues, divided by commas', commaList)
    .option('-X, --exclude-queues <names>', 'all queues of the app but these, divided by commas', commaList)
    .option('--prefetch-multiplier <number>', 'messages in hand for each task at a time; 0 is no limit', wholeNumber)
    .option('--disable-prefetch', 'fetch a message only when it can start at once; brokers that push (RabbitMQ) cannot')
    .option('--purge', 'first throw away what waits in the queues; there is no undo')
    .option('--discard', 'the same as --purge')
    .optionsGroup('Event options:')
    .option('-E, --task-events', 'send events of tasks, for monitors')
    .option('--events', 'the same as --task-events')
    .option('--heartbeat-interval <seconds>', 'how often the worker says that it is there (default: 2)', seconds)
    .option('--without-heartbeat', 'do not say so')
    .option('--without-mingle', 'do not ask the other workers for revoked tasks at the start')
    .option('--without-gossip', 'do not listen to the other workers')
    .addHelpText('after', EXAMPLES)
    .action(run(runWorker))
}

async function runWorker(session: Session, options: WorkerCommandOptions, args: readonly string[]): Promise<number> {
  const { process, daemon, output } = session
  if (options.reload === true && options.detach === true) {
    output.error('--reload is for development, --detach for operation: choose one of them')
    return EXIT_USAGE
  }
  if (options.schedule !== undefined && options.beat !== true) {
    output.error('--schedule is for the beat inside a worker: write --beat too')
    return EXIT_USAGE
  }
  if (options.reload === true && !isReloaded(process.env)) return reload(session)
  if (options.detach === true && daemon === undefined) return detach(session, options.executable)
  // Handed on as Celery does: the app's logger reads it when it is made, here and in child processes.
  process.env['CELERY_LOG_LEVEL'] = options.loglevel
  // Before any code of the app runs.
  dropPrivileges(options.uid, options.gid)
  const app = await loadApp(session, options, args)
  const hostname = expandNodename(defaultNodename(options.hostname))
  const defaults = serviceDefaults(app)
  const end = await runService(session, app, { command: 'worker', hostname, options, defaults }, () =>
    work(session, app, options),
  )
  if (end.restarts) replaceDaemon(session)
  return end.exitCode
}

async function loadApp(session: Session, options: WorkerCommandOptions, args: readonly string[]): Promise<Celery> {
  session.appLocation()
  const app = await session.app()
  app.conf.update(settingsOf(options, app, session.process.cwd()))
  app.conf.update(readOverrides(args, 'worker'))
  await app.prepare()
  return app
}

function serviceDefaults({ conf }: Celery): ServiceDefaults {
  return {
    logfile: conf.workerLogfile,
    pidfile: conf.workerPidfile,
    uid: conf.workerUid,
    gid: conf.workerGid,
    umask: conf.workerUmask,
  }
}

/** How a worker ended. */
interface WorkEnd {
  readonly exitCode: number
  /** It wants to be started again. */
  readonly restarts: boolean
}

async function work(session: Session, app: Celery, options: WorkerCommandOptions): Promise<WorkEnd> {
  const { process, output, daemon } = session
  const { warning } = checkRoot(app.conf.acceptContent, process.env)
  if (warning !== undefined) app.logger.warning(warning)
  const worker = app.worker({
    ...workerOptions(options),
    appLocation: session.appLocation(),
    ...(options.beat === true ? { components: [beatComponent(app, options.schedule)] } : {}),
  })
  const signals = watchSignals(worker, app, session)
  try {
    const facts = await worker.prepare()
    output.banner(await bannerOf(app, facts))
    await worker.start()
    app.logger.info(`${facts.hostname} ready.`)
    signals.ready()
    daemon?.ready()
    await worker.closed()
    return { exitCode: signals.exitCode(), restarts: signals.restarts() }
  } finally {
    signals.unwatch()
  }
}

function workerOptions(options: WorkerCommandOptions): WorkerOptions {
  const { include, timeLimit, softTimeLimit, purge, discard, hostname, ...more } = options
  const { events, statedb, beat, schedule, optimization, reload: _, ...others } = more
  const { loglevel, logfile, logFormat, detach: __, executable, pidfile, uid, gid, umask, ...rest } = others
  return {
    ...rest,
    ...(events === true ? { taskEvents: true } : {}),
    hostname: defaultNodename(hostname),
    purge: purge === true || discard === true,
  }
}

/** Options that are settings: children must know them too. */
function settingsOf(options: WorkerCommandOptions, app: Celery, cwd: string): Record<string, unknown> {
  const { timeLimit, softTimeLimit, include, statedb } = options
  return {
    taskTimeLimit: timeLimit,
    taskSoftTimeLimit: softTimeLimit,
    workerStateDb: statedb === undefined ? undefined : resolve(cwd, statedb),
    include: include && [...app.conf.include, ...include.map((module) => locateApp(module, cwd).file)],
  }
}

async function bannerOf(app: Celery, facts: WorkerFacts): Promise<string> {
  const { logger } = app
  return startBanner({
    hostname: facts.hostname,
    version: packageVersion(),
    platform: `${type()} ${release()}, Node.js ${globalThis.process.version}`,
    startedAt: new Date(),
    app: app.main,
    transport: maskPassword(app.conf.brokerReadUrl),
    results: (await app.backend()).displayUrl,
    concurrency: facts.concurrency,
    autoscale: facts.autoscale,
    pool: facts.pool,
    queues: formatQueues(facts.queues),
    tasks: bannerTasks(app.tasks.names(), { info: logger.enabled('INFO'), debug: logger.enabled('DEBUG') }),
  })
}
