/** `celeriac report`: what a bug report should tell. Passwords and keys are masked. */
import type { Command } from 'commander'
import { bugReport, formatReport } from '../app/report.ts'
import type { CommandRunner } from './command.ts'
import { jsonOption } from './options.ts'
import type { Session } from './session.ts'
import { optionalPackages, packageVersion } from '../app/version.ts'

interface ReportOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts report
  $ celeriac -A app.ts report --json`

/** Add the command to the program. */
export function addReportCommand(program: Command, run: CommandRunner): void {
  program
    .command('report')
    .description('Print versions, broker, backend and settings, for bug reports.')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(report))
}

async function report(session: Session, { json }: ReportOptions): Promise<void> {
  const app = await session.app()
  const report = await bugReport(app, packageVersion(), optionalPackages())
  if (json === true) session.output.json(report)
  else session.output.line(formatReport(report, app.conf.humanize()))
}
