/**
 * `celeriac worker`: options to settings and worker options, the start banner, and Unix signals to shutdowns. What a
 * worker does is `src/worker/`; what signals mean is `signals.ts`.
 */
import { release, type } from 'node:os'
import type { Command } from 'commander'
import { readOverrides } from '../app/config-source.ts'
import { locateApp } from '../app/finder.ts'
import { formatQueues } from '../app/queues.ts'
import type { Celery } from '../celery.ts'
import { defaultNodename } from '../protocol/nodename.ts'
import type { LogLevel } from '../util/logger.ts'
import { maskPassword } from '../util/url.ts'
import { bannerTasks, startBanner } from '../worker/banner.ts'
import type { Worker, WorkerFacts, WorkerOptions } from '../worker/worker.ts'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { commaList, logLevel, positiveNumber, seconds, wholeNumber } from './options.ts'
import type { Output } from './output.ts'
import type { CliProcess, Session } from './session.ts'
import { SHUTDOWN_SIGNALS, ShutdownPolicy, shutdownRules, type ShutdownSignal } from './signals.ts'
import { packageVersion } from './version.ts'

/** What the command line says. Names are those of the flags. */
interface WorkerCommandOptions {
  readonly hostname?: string
  readonly loglevel: LogLevel
  readonly concurrency?: number
  readonly pool?: string
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
  readonly include?: readonly string[]
  readonly prefetchMultiplier?: number
  readonly timeLimit?: number
  readonly softTimeLimit?: number
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly purge?: boolean
  readonly discard?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts worker -l info
  $ celeriac -A app.ts worker -c 8 -Q video,image -n media@%h
  $ celeriac -A app.ts worker -P async -c 200          many tasks that wait for the network
  $ celeriac -A app.ts worker worker.lost_wait=5       any setting of the worker, as the last arguments

Ctrl+C or SIGTERM lets running tasks end; Ctrl+C again, or SIGQUIT, cancels them and gives their messages back.
Options may also come from the environment: CELERY_WORKER_CONCURRENCY=8.`

/** Add the command to the program. */
export function addWorkerCommand(program: Command, run: CommandRunner): void {
  program
    .command('worker')
    .description('Run tasks.')
    .usage('[options] [worker.SETTING=VALUE ...]')
    .argument('[settings...]', 'settings that win over all others')
    .option('-n, --hostname <name>', 'the node name: NAME@HOST; %h is the host, %n its short name, %d its domain')
    .option('-l, --loglevel <level>', 'DEBUG, INFO, WARNING, ERROR or CRITICAL', logLevel, 'WARNING')
    .option('-I, --include <modules>', 'more task modules, divided by commas', commaList)
    .optionsGroup('Pool options:')
    .option('-c, --concurrency <number>', 'how many tasks run at a time (default: the number of cores)', positiveNumber)
    .option('-P, --pool <name>', 'where tasks run: prefork (child processes), async or solo (this process)')
    .option('--time-limit <seconds>', 'kill tasks that take longer', seconds)
    .option('--soft-time-limit <seconds>', 'abort the signal of tasks that take longer', seconds)
    .option('--max-tasks-per-child <number>', 'replace a child process after so many tasks', positiveNumber)
    .option('--max-memory-per-child <KiB>', 'replace a child process that has more memory than this', positiveNumber)
    .optionsGroup('Queue options:')
    .option('-Q, --queues <names>', 'only these queues, divided by commas', commaList)
    .option('-X, --exclude-queues <names>', 'all queues of the app but these, divided by commas', commaList)
    .option('--prefetch-multiplier <number>', 'messages in hand for each task at a time; 0 is no limit', wholeNumber)
    .option('--purge', 'first throw away what waits in the queues; there is no undo')
    .option('--discard', 'the same as --purge')
    .addHelpText('after', EXAMPLES)
    .action(run(runWorker))
}

async function runWorker(session: Session, options: WorkerCommandOptions, args: readonly string[]): Promise<number> {
  const { process, output } = session
  // Handed on as Celery does: the app's logger reads it when it is made, here and in child processes.
  process.env['CELERY_LOG_LEVEL'] = options.loglevel
  const appLocation = session.appLocation()
  const app = await session.app()
  app.conf.update(settingsOf(options, app, process.cwd()))
  app.conf.update(readOverrides(args, 'worker'))
  const worker = app.worker({ ...workerOptions(options), appLocation })
  const shutdown = watchSignals(worker, app, process, output)
  try {
    const facts = await worker.prepare()
    output.banner(await bannerOf(app, facts))
    await worker.start()
    app.logger.info(`${facts.hostname} ready.`)
    shutdown.ready()
    await worker.closed()
    return shutdown.exitCode()
  } finally {
    shutdown.unwatch()
  }
}

function workerOptions(options: WorkerCommandOptions): WorkerOptions {
  const { loglevel, include, timeLimit, softTimeLimit, purge, discard, hostname, ...rest } = options
  return { ...rest, hostname: defaultNodename(hostname), purge: purge === true || discard === true }
}

/** Options that are settings: children must know them too. */
function settingsOf(options: WorkerCommandOptions, app: Celery, cwd: string): Record<string, unknown> {
  const { timeLimit, softTimeLimit, include } = options
  return {
    taskTimeLimit: timeLimit,
    taskSoftTimeLimit: softTimeLimit,
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
    pool: facts.pool,
    queues: formatQueues(facts.queues),
    tasks: bannerTasks(app.tasks.names(), { info: logger.enabled('INFO'), debug: logger.enabled('DEBUG') }),
  })
}

/** What the command needs to know of the signals that come. */
interface ShutdownWatch {
  /** From now on there are tasks that want to end. */
  ready(): void
  exitCode(): number
  unwatch(): void
}

function watchSignals(worker: Worker, app: Celery, process: CliProcess, output: Output): ShutdownWatch {
  const policy = new ShutdownPolicy(shutdownRules(app.conf.workerSoftShutdownTimeout, process.env))
  const state = { ready: false, exitCode: 0 }
  const onSignal = (signal: NodeJS.Signals): void => {
    const { how, exitCode, say } = policy.receive(signal as ShutdownSignal)
    state.exitCode = exitCode
    // Before it is ready nothing runs that could end, and the broker may never answer.
    if (how === 'hard' || !state.ready) process.exit(exitCode)
    for (const text of say) output.note(text)
    if (how === undefined) return
    worker.stop(how).catch((error: unknown) => {
      app.logger.error('The worker could not stop in order', { error })
      process.exit(EXIT_FAILURE)
    })
  }
  for (const signal of SHUTDOWN_SIGNALS) process.on(signal, onSignal)
  return {
    ready: () => void (state.ready = true),
    exitCode: () => state.exitCode,
    unwatch: () => {
      for (const signal of SHUTDOWN_SIGNALS) process.off(signal, onSignal)
    },
  }
}
