/**
 * `celeriac beat`: options to settings, the start banner, signals. What a beat does is `src/beat/`; what is around it,
 * `service.ts`; its timetable from the shell, `timetable.ts`. A worker's `--beat` is here too.
 */
import type { Command } from 'commander'
import { readOverrides } from '../app/config-source.ts'
import { packageVersion } from '../app/version.ts'
import type { Beat, BeatOptions } from '../beat/beat.ts'
import type { Celery } from '../celery.ts'
import { defaultNodename } from '../protocol/nodename.ts'
import { didYouMean } from '../util/suggest.ts'
import { maskPassword } from '../util/url.ts'
import type { Component } from '../worker/component.ts'
import { EXIT_FAILURE, EXIT_USAGE, type CommandRunner } from './command.ts'
import { detach } from './daemon.ts'
import { seconds, storeUrl } from './options.ts'
import { dropPrivileges } from './privileges.ts'
import { addServiceOptions, runService } from './service.ts'
import type { ServiceDefaults, ServiceOptions } from './service.ts'
import type { Session } from './session.ts'
import { addTimetableCommands } from './timetable.ts'

/** What the command line says. Names are those of the flags. */
interface BeatCommandOptions extends ServiceOptions {
  readonly schedule?: string
  readonly scheduler?: string
  readonly maxInterval?: number
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts beat -l info
  $ celeriac -A app.ts beat list
  $ celeriac -A app.ts beat add nightly proj.report '0 3 * * *'
  $ celeriac -A app.ts beat -D -f log/beat.log --pidfile run/beat.pid    in the background

Start it as often as you like: one of them leads, and the others wait to take its place.
Ctrl+C or SIGTERM ends it; another one takes over at once.`

/** Add the command to the program. */
export function addBeatCommand(program: Command, run: CommandRunner): void {
  const command = program
    .command('beat')
    .description('Send tasks when they are due, and look after the timetable.')
    .usage('[options] [beat.SETTING=VALUE ...] | COMMAND')
    .argument('[settings...]', 'settings that win over all others')
    .option('-s, --schedule <file>', 'keep last runs in this file, where the broker cannot keep them (RabbitMQ)')
    .option(
      '-S, --scheduler <url>',
      'keep the timetable there, such as redis://localhost/0, and not with the broker',
      storeUrl,
    )
    .option('--max-interval <seconds>', 'rest for so long at most; it is a second at most in any case', seconds)
  addServiceOptions(command).addHelpText('after', EXAMPLES)
  addTimetableCommands(command, run)
  const names = command.commands.map((each) => each.name())
  command.action(run((session, options: BeatCommandOptions, args) => runBeat(session, options, args, names)))
}

async function runBeat(
  session: Session,
  options: BeatCommandOptions,
  args: readonly string[],
  commands: readonly string[],
): Promise<number> {
  const { process, daemon } = session
  const stray = args.find((arg) => !arg.includes('='))
  if (stray !== undefined) {
    session.output.error(`There is no command "beat ${stray}"${didYouMean(stray, commands)}`)
    return EXIT_USAGE
  }
  if (options.detach === true && daemon === undefined) return detach(session, options.executable)
  // Handed on as Celery does: the app's logger reads it when it is made.
  process.env['CELERY_LOG_LEVEL'] = options.loglevel
  // Before any code of the app runs.
  dropPrivileges(options.uid, options.gid)
  session.appLocation()
  const app = await session.app()
  app.conf.update(readOverrides(args, 'beat'))
  app.conf.update({ beatScheduler: options.scheduler })
  await app.prepare()
  const plan = { command: 'beat', hostname: defaultNodename('beat@'), options, defaults: serviceDefaults(app) }
  await runService(session, app, plan, () => keepBeating(session, app, options))
  return 0
}

function serviceDefaults({ conf }: Celery): ServiceDefaults {
  return {
    logfile: conf.beatLogfile,
    pidfile: conf.beatPidfile,
    uid: conf.beatUid,
    gid: conf.beatGid,
    umask: conf.beatUmask,
  }
}

async function keepBeating(session: Session, app: Celery, options: BeatCommandOptions): Promise<void> {
  const beat = app.beat(beatOptions(options))
  const signals = watchSignals(session, app, beat)
  try {
    await app.importTasks()
    session.output.banner(bannerOf(app, options))
    await beat.start()
    signals.ready()
    session.daemon?.ready()
    await beat.closed()
  } finally {
    signals.unwatch()
  }
}

function beatOptions({ schedule, maxInterval }: Pick<BeatCommandOptions, 'schedule' | 'maxInterval'>): BeatOptions {
  return {
    ...(schedule === undefined ? {} : { filename: schedule }),
    ...(maxInterval === undefined ? {} : { maxInterval }),
  }
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** The first signal ends the beat in order, once it is up; the second one ends the process at once. */
function watchSignals({ process }: Session, app: Celery, beat: Beat): { ready: () => void; unwatch: () => void } {
  const state = { isReady: false, isStopping: false }
  const onSignal = (): void => {
    if (state.isStopping) process.exit(EXIT_FAILURE)
    // Nobody leads yet, and the broker may never answer.
    if (!state.isReady) process.exit(0)
    state.isStopping = true
    beat.stop().catch((error: unknown) => {
      app.logger.error('Beat could not stop in order', { error })
      process.exit(EXIT_FAILURE)
    })
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  return {
    ready: () => void (state.isReady = true),
    unwatch: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal)
    },
  }
}

function bannerOf(app: Celery, { logfile, loglevel, maxInterval }: BeatCommandOptions): string {
  const { beatLogfile, beatMaxLoopInterval, brokerWriteUrl } = app.conf.values
  const interval = maxInterval ?? beatMaxLoopInterval
  const { length } = app.entries.all()
  return [
    `celeriac beat v${packageVersion()} is starting.`,
    `Started at  ${new Date(app.clock.now()).toISOString()}`,
    '[config]',
    `.> app:         ${app.main}`,
    `.> broker:      ${maskPassword(brokerWriteUrl)}`,
    `.> timetable:   ${String(length)} ${length === 1 ? 'entry' : 'entries'} of the code; "celeriac beat list" shows all`,
    `.> log:         ${logfile ?? beatLogfile ?? '[stderr]'}@${loglevel}`,
    ...(interval === 0 ? [] : [`.> maxinterval: ${String(interval)} s`]),
    '',
    '',
  ].join('\n')
}

/** What a worker needs for a beat inside of it (`worker --beat`). It ends when the worker begins to stop. */
export function beatComponent(app: Celery, schedule: string | undefined): Component {
  return {
    name: 'beat',
    async start(worker) {
      const beat = app.beat({ ...beatOptions(schedule === undefined ? {} : { schedule }), embedded: true })
      worker.stopping.addEventListener('abort', () => void beat.stop())
      await beat.start()
      return () => beat.stop()
    },
  }
}
