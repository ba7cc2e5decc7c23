/**
 * What is around a command that goes on until it is told to end, such as a worker: its user, log and pidfile, and with
 * `--detach` the daemon that it is. What it does is the command's own matter.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { App } from '../app/app.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { describeError } from './failure.ts'
import { addLogOptions, openLog } from './log.ts'
import type { LogOptions } from './log.ts'
import { account, umask } from './options.ts'
import { Pidfile } from './pidfile.ts'
import { dropPrivileges } from './privileges.ts'
import type { Account } from './privileges.ts'
import type { CliProcess, Session } from './session.ts'

/** What the command line says. */
export interface ServiceOptions extends LogOptions {
  readonly detach?: boolean
  /** The Node.js of the daemon. Default: the one that runs this. */
  readonly executable?: string
  readonly pidfile?: string
  readonly uid?: Account
  readonly gid?: Account
  readonly umask?: number
}

/** What the settings say where the command line does not; null is nothing. */
export interface ServiceDefaults {
  readonly logfile: string | null
  readonly pidfile: string | null
  readonly uid: Account | null
  readonly gid: Account | null
  readonly umask: number | null
}

/** One service. */
export interface ServicePlan {
  /** The command's name. */
  readonly command: string
  /** The node name: for the names of files, for JSON, for the title of the process. */
  readonly hostname: string
  readonly options: ServiceOptions
  readonly defaults: ServiceDefaults
}

/** `-l -f --log-format`, and `-D --executable --pidfile --uid --gid --umask`. */
export function addServiceOptions(command: Command): Command {
  return addLogOptions(command)
    .optionsGroup('Daemon options:')
    .option('-D, --detach', 'run in the background; ends when that is up, or says why it is not')
    .option('--executable <file>', 'the Node.js that runs it in the background (default: this one)')
    .option('--pidfile <file>', 'hold the process id in this file, and run only once; %n is the node, %h the host')
    .option('--uid <user>', 'become this user (name or number); for root', account)
    .option('--gid <group>', 'become this group (default: that of the user)', account)
    .option('--umask <octal>', 'the umask, such as 022', umask)
}

/**
 * Run the body as a service. Files are opened as the user that it becomes. Whatever the end is, the pidfile goes and the
 * log is closed; an error is written to the log file as well. Rejects with what the body rejects with, and as `openLog`,
 * `Pidfile.acquire` and `dropPrivileges` throw.
 */
export async function runService<R>(
  session: Session,
  app: App,
  { command, hostname, options, defaults }: ServicePlan,
  body: () => Promise<R>,
): Promise<R> {
  const { process } = session
  const mask = options.umask ?? defaults.umask
  if (mask !== null) process.umask(mask)
  dropPrivileges(options.uid ?? defaults.uid ?? undefined, options.gid ?? defaults.gid ?? undefined)
  const log = openLog(session, app, { options, defaultFile: defaults.logfile, hostname })
  try {
    const release = acquirePidfile(process, options.pidfile ?? defaults.pidfile, hostname)
    try {
      process.title = `celeriac ${command}: ${hostname}`
      session.daemon?.started(hostname, log.hasFile)
      return await body()
    } finally {
      release()
    }
  } catch (error) {
    // The command line prints it, too; a daemon prints for nobody.
    if (log.hasFile) app.logger.critical(describeError(error))
    throw error
  } finally {
    log.close()
  }
}

/** Answers how to release it. It is released even where the process ends in the middle of something. */
function acquirePidfile(process: CliProcess, name: string | null, hostname: string): () => void {
  if (name === null || name === '') return () => undefined
  const pidfile = new Pidfile(resolve(process.cwd(), expandNodename(name, hostname)))
  pidfile.acquire()
  const release = (): void => {
    pidfile.release()
  }
  process.on('exit', release)
  return () => {
    process.off('exit', release)
    release()
  }
}
