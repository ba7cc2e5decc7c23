/** `celeriac logtool`: what the logs of workers tell, ours and Python's. */
import type { Command } from 'commander'
import type { CommandBody, CommandRunner } from './command.ts'
import { LogAudit, readEntry, type LogReport } from './log-audit.ts'
import { readLogs, type LoggedRecord } from './log-reader.ts'
import { jsonOption } from './options.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

interface LogtoolOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac logtool stats worker.log
  $ celeriac logtool errors worker.log worker.log.1.gz
  $ celeriac -A app.ts worker -l info 2>&1 | celeriac logtool traces

Reads logs of our own workers and of Python's, lines or JSON, of level INFO or DEBUG; without a file, standard input.`

/** Add the command to the program. */
export function addLogtoolCommand(program: Command, run: CommandRunner): void {
  const logtool = program.command('logtool').description('Sum up the logs of workers.').addHelpText('after', EXAMPLES)
  const add = (name: string, description: string, body: CommandBody<LogtoolOptions>): Command =>
    logtool
      .command(name)
      .description(description)
      .argument('[files...]', 'log files; .gz is unpacked, - is standard input')
      .addHelpText('after', EXAMPLES)
      .action(run(body))
  add('stats', 'Count tasks, by outcome and by name.', stats).addOption(jsonOption())
  add('traces', 'Print tracebacks, each with the line that it belongs to.', traces)
  add('errors', 'Print the lines of tasks that failed, were rejected or revoked.', errors)
  add('incomplete', 'Print the tasks that were received and have not ended.', incomplete).addOption(jsonOption())
  add('debug', 'Print all that is not about a task.', debug)
}

async function stats({ process, output }: Session, { json }: LogtoolOptions, files: readonly string[]): Promise<void> {
  const audit = new LogAudit()
  for await (const record of readLogs(files, process.stdin)) audit.add(readEntry(record))
  const report = audit.report()
  if (json === true) output.json(report)
  else printReport(output, report)
}

/** Celery's words. */
function printReport(output: Output, { total, errors, succeeded, completed, retries, types }: LogReport): void {
  output.line('Report\n======')
  output.line(`Task total: ${String(total)}`)
  output.line(`Task errors: ${String(errors)}`)
  output.line(`Task success: ${String(succeeded)}`)
  output.line(`Task completed: ${String(completed)}`)
  output.line(`Task retries: ${String(retries)}`)
  output.line('Tasks\n=====')
  for (const [name, times] of Object.entries(types)) output.line(`${name}: ${String(times)}`)
}

async function traces({ process, output }: Session, _: LogtoolOptions, files: readonly string[]): Promise<void> {
  for await (const { line, below } of readLogs(files, process.stdin)) {
    if (below.length > 0) output.line([line, ...below].join('\n'))
  }
}

async function errors(session: Session, _: LogtoolOptions, files: readonly string[]): Promise<void> {
  await printLines(session, files, (record) => readEntry(record).kind === 'failed')
}

async function debug(session: Session, _: LogtoolOptions, files: readonly string[]): Promise<void> {
  await printLines(session, files, (record) => readEntry(record).kind === 'other')
}

async function printLines(
  { process, output }: Session,
  files: readonly string[],
  wanted: (record: LoggedRecord) => boolean,
): Promise<void> {
  for await (const record of readLogs(files, process.stdin)) if (wanted(record)) output.line(record.line)
}

async function incomplete(
  { process, output }: Session,
  { json }: LogtoolOptions,
  files: readonly string[],
): Promise<void> {
  const audit = new LogAudit()
  for await (const record of readLogs(files, process.stdin)) audit.add(readEntry(record))
  const tasks = audit.incomplete()
  if (json === true) output.json(tasks)
  else for (const { id, name } of tasks) output.line(`Did not complete: ${name}[${id}]`)
}
