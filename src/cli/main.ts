/**
 * The command line: the table of commands, the global options, and what becomes of errors. Each command has a file of
 * its own; the order here is the order of the help.
 */
import { CommanderError, type Command } from 'commander'
import { addAmqpCommand } from './amqp.ts'
import { addBeatCommand } from './beat.ts'
import { addCallCommand } from './call.ts'
import { describeOption, EXIT_USAGE, Program, type CommandRunner } from './command.ts'
import { addControlCommand, addInspectCommand } from './control.ts'
import { Daemon } from './daemon.ts'
import { exitCodeOf, describeError } from './failure.ts'
import { addEventsCommand } from './events.ts'
import { addListCommand } from './list.ts'
import { addMigrateCommand } from './migrate.ts'
import { addCompletionCommand } from './completion.ts'
import { addGraphCommand } from './graph.ts'
import { addLogtoolCommand } from './logtool.ts'
import { addUpgradeCommand } from './upgrade.ts'
import { addMultiCommand, findMulti, runMulti } from './multi.ts'
import { Output } from './output.ts'
import { addPurgeCommand } from './purge.ts'
import { addReportCommand } from './report.ts'
import { addResultCommand } from './result.ts'
import { Session, type CliProcess, type GlobalOptions } from './session.ts'
import { addShellCommand } from './shell.ts'
import { addStatusCommand } from './status.ts'
import { packageVersion } from '../app/version.ts'
import { addWorkerCommand } from './worker.ts'

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts worker -l info               run tasks
  $ celeriac -A app.ts call proj.add -a '[2, 2]'    send one
  $ celeriac -A app.ts status                       see who is there

The options above may stand before or after the command. Without -A the app is taken from the environment variable
CELERIAC_APP, or from package.json: "celeriac": { "app": "app.ts" }.
"celeriac COMMAND --help" tells more.`

/** Run one command line (without the program's name). Answers the exit code; never rejects. */
export async function main(argv: readonly string[], process: CliProcess = globalThis.process): Promise<number> {
  const outcome = { code: 0 }
  const daemon = Daemon.from(process.env)
  const program = createProgram(process, outcome, daemon)
  const multi = findMulti(argv, program)
  try {
    if (argv.length === 0) program.outputHelp()
    // As in Celery, what stands before it counts as if it stood behind it.
    else if (multi !== -1) return await runMulti([...argv.slice(multi + 1), ...argv.slice(0, multi)], program, process)
    else await program.parseAsync(argv, { from: 'user' })
    return outcome.code
  } catch (error) {
    // Help and version are "errors" of commander's too; it has printed what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    daemon?.failed(describeError(error), exitCodeOf(error))
    const { color } = program.opts<GlobalOptions>()
    new Output({ stdout: process.stdout, stderr: process.stderr, color, quiet: false }).error(describeError(error))
    return exitCodeOf(error)
  }
}

function createProgram(process: CliProcess, outcome: { code: number }, daemon: Daemon | undefined): Command {
  const program = new Program('celeriac')
    .description('Background jobs on the protocol of Celery: run workers, send tasks, look at queues.')
    .option('-A, --app <file>', 'the app: app.ts, app.ts:export, or a folder')
    .option('-b, --broker <url>', 'the broker, instead of that of the app')
    .option('--result-backend <url>', 'the result backend, instead of that of the app')
    .option('--config <file>', 'a module or JSON file with settings')
    .option('--workdir <folder>', 'go to this folder first')
    .option('-C, --no-color', 'no colours')
    .option('-q, --quiet', 'no banners and notes')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ optionDescription: describeOption })
    .showHelpAfterError('(--help shows what there is)')
    .configureOutput({
      writeOut: (text) => void process.stdout.write(text),
      writeErr: (text) => void process.stderr.write(text),
      outputError: (text, write) => {
        write(text.replace(/^error:/, 'Error:'))
      },
    })
    .exitOverride()
  const run = commandRunner(program, process, outcome, daemon)
  addWorkerCommand(program, run)
  addBeatCommand(program, run)
  addMultiCommand(program)
  addCallCommand(program, run)
  addResultCommand(program, run)
  addStatusCommand(program, run)
  addInspectCommand(program, run)
  addControlCommand(program, run)
  addEventsCommand(program, run)
  addPurgeCommand(program, run)
  addListCommand(program, run)
  addMigrateCommand(program, run)
  addGraphCommand(program, run)
  addLogtoolCommand(program, run)
  addAmqpCommand(program, run)
  addShellCommand(program, run)
  addUpgradeCommand(program, run)
  addReportCommand(program, run)
  addCompletionCommand(program, run)
  return program
}

/** A command gets a session, which ends with it. */
function commandRunner(
  program: Command,
  process: CliProcess,
  outcome: { code: number },
  daemon: Daemon | undefined,
): CommandRunner {
  return (body) =>
    async (...parameters) => {
      const command = parameters.at(-1) as Command
      const session = new Session(program.opts(), process, daemon)
      try {
        outcome.code = (await body(session, command.opts<never>(), command.args)) ?? 0
      } finally {
        await session.close()
      }
    }
}
