/** `celeriac report`: what a bug report should tell. Passwords and keys are masked. */
import type { Command } from 'commander'
import { bugReport } from '../app/report.ts'
import type { CommandRunner } from './command.ts'
import type { Session } from './session.ts'
import { packageVersion } from './version.ts'

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts report`

/** Add the command to the program. */
export function addReportCommand(program: Command, run: CommandRunner): void {
  program
    .command('report')
    .description('Print versions, broker, backend and settings, for bug reports.')
    .addHelpText('after', EXAMPLES)
    .action(run(report))
}

async function report(session: Session): Promise<void> {
  const app = await session.app()
  session.output.line(await bugReport(app, packageVersion()))
}
