/** The Unix signals of a running worker: shutdowns (what each means is `signals.ts`), a restart, a report. */
import type { App } from '../app/app.ts'
import { describeActivity } from '../worker/activity.ts'
import type { Worker } from '../worker/worker.ts'
import { EXIT_FAILURE } from './command.ts'
import type { CliProcess, Session } from './session.ts'
import { SHUTDOWN_SIGNALS, ShutdownPolicy, shutdownRules, type ShutdownSignal } from './signals.ts'

/** What the command needs to know of the signals that came. */
export interface SignalWatch {
  /** From now on there are tasks that want to end. */
  ready(): void
  exitCode(): number
  /** SIGHUP came: the worker wants to be started again when it has ended. */
  restarts(): boolean
  /** Act on none any more. A shutdown that comes while the command tidies up must not cut that short. */
  unwatch(): void
}

/** The worker has ended already. */
const ignore = (): void => undefined

/** Act on the signals that come from now on. */
export function watchSignals(worker: Worker, app: App, session: Session): SignalWatch {
  const process: CliProcess = session.process
  const { output, daemon } = session
  const policy = new ShutdownPolicy(shutdownRules(app.conf.workerSoftShutdownTimeout, process.env))
  const state = { ready: false, exitCode: 0, restarts: false }
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
  const onHangup = (): void => {
    if (daemon === undefined) {
      app.logger.warning('SIGHUP restarts a worker with --detach only; here, what has started it has to do so')
      return
    }
    app.logger.warning('The worker restarts (SIGHUP)')
    state.restarts = true
    onSignal('SIGTERM')
  }
  const onReport = (): void => {
    app.logger.warning(describeActivity(worker.state))
  }
  const listeners = new Map<NodeJS.Signals, (signal: NodeJS.Signals) => void>([
    ...SHUTDOWN_SIGNALS.map((signal) => [signal, onSignal] as const),
    ['SIGUSR1', onReport],
    // At a terminal its end is the end of the worker.
    ...(process.stdin.isTTY === true ? [] : [['SIGHUP', onHangup] as const]),
  ])
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return {
    ready: () => void (state.ready = true),
    exitCode: () => state.exitCode,
    restarts: () => state.restarts,
    unwatch: () => {
      for (const signal of SHUTDOWN_SIGNALS) process.on(signal, ignore)
      for (const [signal, listener] of listeners) process.off(signal, listener)
    },
  }
}
