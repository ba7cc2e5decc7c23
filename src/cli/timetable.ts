/** `celeriac beat list|add|change|pause|resume|run|remove`: beat's timetable from the shell, whether or not a beat runs. */
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { CatchUp, EntryInput, EntryOptions } from '../app/entry.ts'
import type { EntryInfo, Schedules } from '../beat/schedules.ts'
import { readSchedule } from '../schedule/input.ts'
import { EXIT_USAGE, type CommandRunner } from './command.ts'
import { jsonArray, jsonObject, jsonOption, positiveNumber, seconds, timezone, wholeNumber } from './options.ts'
import { describeSchedule, fromNow } from './schedule-words.ts'
import type { Session } from './session.ts'

interface JsonOption {
  readonly json?: boolean
}

/** What `add` and `change` say of an entry. */
interface EntryFlags extends JsonOption {
  readonly task?: string
  readonly when?: string
  readonly timezone?: string
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly queue?: string
  readonly priority?: number
  readonly expires?: number
  readonly options?: Readonly<Record<string, unknown>>
  readonly catchUp?: CatchUp
  readonly jitter?: number
}

const SCHEDULES = `
A schedule is one of:
  30                         so many seconds
  '0 9 * * mon-fri'          a cron string, also @hourly, @daily, @weekly, @monthly, @yearly
  2026-12-24T18:00           once, at this time
  'sunset 52.52 13.41'       an event of the sun, with latitude and longitude; needs: npm install suncalc`

const ADD_EXAMPLES = `${SCHEDULES}

Examples:
  $ celeriac beat add nightly proj.report '0 3 * * *' --timezone Europe/Berlin
  $ celeriac beat add ping proj.ping 30 --args '["example.org"]' --expires 25
  $ celeriac beat add party proj.remind 2026-12-31T23:00:00Z`

const CHANGE_EXAMPLES = `${SCHEDULES}

Examples:
  $ celeriac beat change nightly --when '0 4 * * *'
  $ celeriac beat change ping --queue slow --jitter 5`

/** The timetable that a command is about. */
type OpenTimetable = (session: Session) => Promise<Schedules>

/** Where the timetable lies, by the options of `beat`. */
interface TimetablePlace {
  readonly schedule?: string
  readonly scheduler?: string
}

/** Add the commands to `beat`. */
export function addTimetableCommands(beat: Command, run: CommandRunner): void {
  const open: OpenTimetable = (session) => openTimetable(session, beat.opts<TimetablePlace>())
  beat
    .command('list')
    .description('Show the timetable: what is sent, when, and when it was sent last.')
    .addOption(jsonOption())
    .action(run((session, flags: JsonOption) => list(session, flags, open)))
  addEntryFlags(
    beat
      .command('add')
      .description('Add an entry. A beat that runs takes it up within about a second.')
      .argument('<name>', 'what it is to be called')
      .argument('<task>', 'the name of the task, such as proj.add')
      .argument('<when>', 'its schedule'),
  )
    .addHelpText('after', ADD_EXAMPLES)
    .action(run((session, flags: EntryFlags, args) => add(session, flags, args, open)))
  addEntryFlags(
    beat
      .command('change')
      .description('Change an entry that was added at run time; what is left out stays.')
      .argument('<entry>', 'its name')
      .option('--task <task>', 'the name of the task')
      .option('--when <schedule>', 'its schedule'),
  )
    .addHelpText('after', CHANGE_EXAMPLES)
    .action(run((session, flags: EntryFlags, args) => change(session, flags, args, open)))
  const addVerb = (verb: 'pause' | 'resume' | 'remove', description: string): void => {
    beat
      .command(verb)
      .description(description)
      .argument('<entries...>', 'their names')
      .addOption(jsonOption())
      .action(
        run(async (session, { json }: JsonOption, names) => {
          const timetable = await open(session)
          for (const name of names) await timetable[verb](name)
          if (json === true) session.output.json({ [verb]: names })
        }),
      )
  }
  addVerb('pause', 'Let entries rest. What is due meanwhile is not sent later.')
  addVerb('resume', 'Let paused entries go on from now.')
  addVerb('remove', 'Remove entries that were added at run time.')
  beat
    .command('run')
    .description("Send an entry's task now and print its id; the timetable stays as it is.")
    .argument('<entry>', 'its name')
    .addOption(jsonOption())
    .action(run((session, flags: JsonOption, args) => runNow(session, flags, args, open)))
}

function addEntryFlags(command: Command): Command {
  return command
    .option('--timezone <zone>', 'the zone of the schedule, such as Europe/Berlin (default: that of the app)', timezone)
    .option('-a, --args <json>', 'positional arguments, as a JSON array', jsonArray)
    .option('-k, --kwargs <json>', 'named arguments, as a JSON object', jsonObject)
    .option('--queue <name>', 'the queue to send to')
    .option('--priority <number>', 'the priority of the messages', wholeNumber)
    .option('--expires <seconds>', 'revoke a task that has not started after so many seconds', seconds)
    .option('-o, --options <json>', 'more options of the call, as a JSON object', jsonObject)
    .option('--catch-up <which>', 'what was missed: skip, once (the latest) or a number of them', catchUp)
    .option('--jitter <seconds>', 'send up to so many seconds after it is due', seconds)
    .addOption(jsonOption())
}

/** `skip`, `once` or a number. */
function catchUp(text: string): CatchUp {
  if (text === 'skip' || text === 'once') return text
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Write skip, once or a number, such as 10.')
  return { every: positiveNumber(text) }
}

async function list(session: Session, { json }: JsonOption, open: OpenTimetable): Promise<void> {
  const timetable = await open(session)
  const entries = (await timetable.list()).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const { output } = session
  if (json === true) {
    output.json(entries.map(plainEntry))
    return
  }
  const nowMs = (await session.app()).clock.now()
  output.table(
    ['Name', 'Task', 'When', 'Next', 'Last', 'Runs'],
    entries.map((entry) => [
      entry.name,
      entry.task,
      describeSchedule(entry.schedule),
      nextText(entry, nowMs),
      entry.lastRunAt === undefined ? 'never' : fromNow(entry.lastRunAt.getTime(), nowMs),
      String(entry.totalRunCount),
    ]),
  )
}

async function add(session: Session, flags: EntryFlags, args: readonly string[], open: OpenTimetable): Promise<void> {
  const [name = '', task = '', when = ''] = args
  const timetable = await open(session)
  const input = { ...changesOf({ ...flags, when }), task } as EntryInput
  await checkArguments(session, input)
  await timetable.add(name, input)
  await printEntry(session, timetable, name, flags.json)
}

async function change(
  session: Session,
  flags: EntryFlags,
  [name = '']: readonly string[],
  open: OpenTimetable,
): Promise<number | undefined> {
  if (flags.timezone !== undefined && flags.when === undefined) {
    session.output.error('--timezone is that of a schedule: write --when too')
    return EXIT_USAGE
  }
  const timetable = await open(session)
  const before = (await timetable.list()).find((entry) => entry.name === name)
  const changes = changesOf(flags)
  const options = changes.options === undefined ? {} : { options: { ...before?.options, ...changes.options } }
  if (before !== undefined) await checkArguments(session, { ...before, ...changes })
  await timetable.change(name, { ...changes, ...options })
  await printEntry(session, timetable, name, flags.json)
  return undefined
}

async function runNow(
  session: Session,
  { json }: JsonOption,
  [name = '']: readonly string[],
  open: OpenTimetable,
): Promise<void> {
  const { id } = await (await open(session)).run(name)
  if (json === true) session.output.json({ id })
  else session.output.line(id)
}

/** Tell of wrong arguments now, and not in a log each time it is sent. A task that is not declared here is not known. */
async function checkArguments(session: Session, { task, args = [], kwargs = {} }: EntryInput): Promise<void> {
  const app = await session.app()
  await app.tasks.definition(task)?.check(args, kwargs)
}

/** The app's timetable, with what its task modules put on it. */
async function openTimetable(session: Session, { schedule, scheduler }: TimetablePlace): Promise<Schedules> {
  // Timetables belong to an app: a broker alone has none.
  session.appLocation()
  const app = await session.app()
  app.conf.update({ beatScheduleFilename: schedule, beatScheduler: scheduler })
  await app.importTasks()
  return app.schedule
}

/** What the flags say of an entry. */
function changesOf(flags: EntryFlags): Partial<EntryInput> {
  const { task, when, timezone, args, kwargs, catchUp, jitter, queue, priority, expires, options } = flags
  const given = { ...options, ...defined({ queue, priority, expires }) } as EntryOptions
  return defined({
    task,
    // Without a zone the timetable reads it, in that of the app.
    schedule: when === undefined || timezone === undefined ? when : readSchedule(when, { timezone }),
    args,
    kwargs,
    catchUp,
    jitter,
    options: Object.keys(given).length === 0 ? undefined : given,
  })
}

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** Say what became of an entry: to programs on demand, to people unless they want to hear nothing. */
async function printEntry(session: Session, timetable: Schedules, name: string, json = false): Promise<void> {
  const entry = (await timetable.list()).find((each) => each.name === name)
  if (entry === undefined) return
  if (json) session.output.json(plainEntry(entry))
  else {
    const nowMs = (await session.app()).clock.now()
    session.output.note(`${name}: ${describeSchedule(entry.schedule)}; next: ${nextText(entry, nowMs)}`)
  }
}

function nextText({ paused, nextRunAt }: EntryInfo, nowMs: number): string {
  if (paused) return 'paused'
  if (nextRunAt === undefined) return 'never'
  return nextRunAt.getTime() <= nowMs ? 'due' : fromNow(nextRunAt.getTime(), nowMs)
}

/** An entry for programs. */
function plainEntry(entry: EntryInfo): object {
  const { schedule, lastRunAt, nextRunAt, ...fields } = entry
  return {
    ...fields,
    schedule: String(schedule),
    description: describeSchedule(schedule),
    lastRunAt: lastRunAt?.toISOString() ?? null,
    nextRunAt: nextRunAt?.toISOString() ?? null,
  }
}
