/**
 * `celeriac events`: what happens in the cluster, on a screen (`events/monitor.ts`), as lines (`events/dump.ts`), or as
 * pictures for a function of the user's.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { importModule } from '../app/loader.ts'
import { packageVersion } from '../app/version.ts'
import type { Celery } from '../celery.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { CaptureOptions } from '../events/receiver.ts'
import type { CameraOptions, Shutter } from '../events/snapshot.ts'
import type { RetryNews } from '../messaging/connection.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { maskPassword } from '../util/url.ts'
import { EXIT_USAGE } from './command.ts'
import type { CommandRunner } from './command.ts'
import { detach } from './daemon.ts'
import { Dumper } from './events/dump.ts'
import { Monitor } from './events/monitor.ts'
import { jsonOption, seconds } from './options.ts'
import { dropPrivileges } from './privileges.ts'
import { addServiceOptions, runService } from './service.ts'
import type { ServiceDefaults, ServiceOptions } from './service.ts'
import type { Session } from './session.ts'

interface EventsOptions extends ServiceOptions {
  readonly dump?: boolean
  readonly json?: boolean
  readonly camera?: string
  readonly frequency: number
  readonly maxrate?: string
}

/** What a camera's module exports. */
interface CameraModule {
  readonly default: Shutter
  readonly clearAfter?: boolean
  readonly onCleanup?: () => unknown
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts events                        a screen that follows tasks and workers
  $ celeriac -A app.ts events --dump                 one line for each event
  $ celeriac -A app.ts events --dump --json          the same for programs
  $ celeriac -A app.ts events --camera camera.ts -F 10
                                                     every ten seconds: export default (state) => { ... }
  $ celeriac -A app.ts events -c camera.ts --detach --pidfile run/%n.pid -f log/%n.log
                                                     the same in the background

Workers send events about tasks with "worker -E", or the setting workerSendTaskEvents. Ctrl+C ends it.`

/** For the names of files and the title of the process. */
const NODENAME = 'events@%h'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Add the command to the program. */
export function addEventsCommand(program: Command, run: CommandRunner): void {
  const command = program
    .command('events')
    .description('Follow what workers and tasks do.')
    .option('-d, --dump', 'print each event as a line')
    .addOption(jsonOption())
    .option('-c, --camera <module>', 'show the state of the cluster to the function that this module exports')
    .option('-F, --frequency <seconds>', 'how often the camera is shown it', seconds, 1)
    .option('-r, --maxrate <rate>', 'the camera is shown it no more often than this, such as 10/m')
  addServiceOptions(command).addHelpText('after', EXAMPLES).action(run(events))
}

async function events(session: Session, options: EventsOptions): Promise<number> {
  const { process, daemon, output } = session
  const isScreen = options.dump !== true && options.json !== true && options.camera === undefined
  if (isScreen && (options.detach === true || options.logfile !== undefined || options.pidfile !== undefined)) {
    output.error('--detach, --logfile and --pidfile are for --camera and --dump: a screen has the terminal for itself')
    return EXIT_USAGE
  }
  if (options.detach === true && daemon === undefined) return detach(session, options.executable)
  // The app's logger reads it when it is made.
  process.env['CELERY_LOG_LEVEL'] = options.loglevel
  // Before any code of the app runs.
  dropPrivileges(options.uid, options.gid)
  const app = await session.app()
  const body = (): Promise<void> => follow(session, app, options)
  const plan = { command: 'events', hostname: expandNodename(NODENAME), options, defaults: serviceDefaults(app) }
  // What a service prints may go to its log.
  await (isScreen ? body() : runService(session, app, plan, body))
  return 0
}

function serviceDefaults({ conf }: Celery): ServiceDefaults {
  return {
    logfile: conf.eventsLogfile,
    pidfile: conf.eventsPidfile,
    uid: conf.eventsUid,
    gid: conf.eventsGid,
    umask: conf.eventsUmask,
  }
}

/** Until it is told to end. */
async function follow(session: Session, app: Celery, options: EventsOptions): Promise<void> {
  const over = new AbortController()
  const end = (): void => {
    over.abort()
  }
  for (const signal of SIGNALS) session.process.on(signal, end)
  try {
    if (options.dump === true || options.json === true) await dump(session, app, options, over.signal)
    else if (options.camera !== undefined) await shoot(session, app, options.camera, options, over.signal)
    else await watch(session, app, over)
  } finally {
    for (const signal of SIGNALS) session.process.off(signal, end)
  }
}

/** Prints until the signal aborts. */
async function dump(
  { output, daemon }: Session,
  app: Celery,
  { json }: EventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const dumper = new Dumper()
  output.note('-> evdump: starting capture...')
  await app.events.capture({
    handlers: {
      '*': (event) => {
        output.line(json === true ? JSON.stringify(event) : dumper.line(event))
      },
    },
    ...patience(signal, (text) => {
      output.note(`-> ${text}`)
    }),
    onReady: () => daemon?.ready(),
  })
}

async function shoot(
  { output, process, daemon }: Session,
  app: Celery,
  module: string,
  { frequency, maxrate }: EventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { shutter, ...options } = await loadCamera(resolve(process.cwd(), module))
  output.note(`-> evcam: Taking snapshots with ${module} (every ${String(frequency)} secs.)`)
  const note = (text: string): void => {
    output.note(`-> ${text}`)
  }
  const rate = maxrate === undefined ? {} : { maxrate }
  const onReady = (): void => daemon?.ready()
  await app.events.camera(shutter, { ...options, ...rate, freq: frequency, ...patience(signal, note), onReady })
}

async function loadCamera(file: string): Promise<CameraOptions & { readonly shutter: Shutter }> {
  const { default: shutter, clearAfter, onCleanup } = (await importModule(file)) as Partial<CameraModule>
  if (typeof shutter !== 'function') {
    throw new ImproperlyConfigured(
      `${file} has no default export that is a function: export default (state) => { ... }`,
    )
  }
  return {
    shutter,
    ...(clearAfter === undefined ? {} : { clearAfter }),
    ...(onCleanup === undefined ? {} : { onCleanup }),
  }
}

/** The screen, until the user leaves it. */
async function watch({ output, process }: Session, app: Celery, over: AbortController): Promise<void> {
  if (!output.isTerminal || process.stdin.isTTY !== true) {
    throw new ImproperlyConfigured('The screen needs a terminal. Elsewhere, take --dump or --camera.')
  }
  const state = app.events.state()
  const monitor = new Monitor({
    state,
    process,
    clock: app.clock,
    paint: (style, text) => output.style(style, text),
    title: `celeriac events ${packageVersion()}`,
    ask: (command, args) => app.control.ask(command, { arguments: args }),
    onQuit: () => {
      over.abort()
    },
  })
  monitor.open()
  try {
    monitor.notice(`connecting to ${maskPassword(app.conf.brokerReadUrl)}`)
    await app.events.capture({
      handlers: { '*': (event) => state.event(event) },
      ...patience(over.signal, (text) => {
        monitor.notice(text)
      }),
      onReady: () => {
        monitor.notice('')
      },
    })
  } finally {
    monitor.close()
  }
}

/** Until the signal aborts, whatever happens to the broker; somebody is told of it. */
function patience(signal: AbortSignal, tell: (text: string) => void): CaptureOptions {
  return {
    signal,
    onRetry: ({ error, delayMs }: RetryNews) => {
      tell(`${error.message}. Trying again in ${(delayMs / 1000).toFixed(1)} s`)
    },
  }
}
