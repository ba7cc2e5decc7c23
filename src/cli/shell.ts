/**
 * `celeriac shell`: JavaScript with the app, its tasks and the work-flows at hand. A person at a terminal gets Node's own
 * REPL; what comes by standard input is run as a program.
 */
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { REPLServer } from 'node:repl'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { chord } from '../canvas/chord.ts'
import { chunks, starmap, xmap } from '../canvas/chunks.ts'
import { group } from '../canvas/group.ts'
import { chain } from '../canvas/pipe.ts'
import type { Celery } from '../celery.ts'
import { BUILTIN_PREFIX } from '../protocol/names.ts'
import { maskPassword } from '../util/url.ts'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { describeError } from './failure.ts'
import type { CliProcess, Session } from './session.ts'
import { packageVersion } from '../app/version.ts'

interface ShellOptions {
  readonly withoutTasks?: boolean
}

/** Where the history cannot be written, nobody says so. */
const HISTORY_TIMEOUT_MS = 1000

/** What stands at hand, by name. */
type Names = Readonly<Record<string, unknown>>

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts shell
  > await (await add.delay(2, 2)).get()
  $ echo 'await add.delay(2, 2)' | celeriac -A app.ts shell

At hand: app (also as celery), chain, group, chord, chunks, xmap, starmap, signature, and each task by the last part of its
name; all tasks are in app.tasks. A program on standard input prints with console.log, and ends with 1 when it throws.
The history is kept in ~/.celeriac_history, or where CELERIAC_HISTORY says; empty, it is not kept.`

/** Add the command to the program. */
export function addShellCommand(program: Command, run: CommandRunner): void {
  program
    .command('shell')
    .description('Try things out: JavaScript with the app and its tasks at hand.')
    .option('-T, --without-tasks', 'leave out the tasks')
    .addHelpText('after', EXAMPLES)
    .action(run(shell))
}

async function shell(session: Session, { withoutTasks }: ShellOptions): Promise<number> {
  const app = await session.app()
  await app.importTasks()
  const names = { ...workFlows(app), ...(withoutTasks === true ? {} : tasksByWord(app)) }
  const { process, output } = session
  if (process.stdin.isTTY !== true) return runProgram(session, names)
  output.banner(bannerOf(app, names))
  await converse(process, names)
  return 0
}

function workFlows(app: Celery): Names {
  return {
    app,
    celery: app,
    chain,
    group,
    chord,
    chunks,
    xmap,
    starmap,
    signature: app.signature.bind(app),
  }
}

/** Each task by the last part of its name. What two tasks would be called neither is: that would be a trap. */
function tasksByWord(app: Celery): Names {
  const taken = new Set(Object.keys(workFlows(app)))
  const words = new Map<string, unknown>()
  for (const [name, task] of app.tasks) {
    const word = name.slice(name.lastIndexOf('.') + 1)
    if (name.startsWith(BUILTIN_PREFIX) || taken.has(word) || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(word))
      continue
    if (word in globalThis) continue
    if (words.has(word)) taken.add(word)
    words.set(word, task)
  }
  return Object.fromEntries([...words].filter(([word]) => !taken.has(word)))
}

function bannerOf(app: Celery, names: Names): string {
  const broker = maskPassword(app.conf.brokerUrl)
  return `celeriac ${packageVersion()}, app ${app.main}, broker ${broker}\nAt hand: ${Object.keys(names).join(', ')}\n\n`
}

/** The program may use `await`, and `import()`; the names are its own variables. */
async function runProgram({ process, output }: Session, names: Names): Promise<number> {
  const program = await text(process.stdin)
  try {
    const run = compile(Object.keys(names), program)
    await run(...Object.values(names))
    return 0
  } catch (error) {
    output.error(describeError(error))
    return EXIT_FAILURE
  }
}

function compile(parameters: readonly string[], program: string): (...values: unknown[]) => Promise<unknown> {
  const AsyncFunction = (async () => undefined).constructor as new (
    ...parts: string[]
  ) => (...values: unknown[]) => Promise<unknown>
  return new AsyncFunction(...parameters, program)
}

/** To the end of the conversation. */
async function converse(process: CliProcess, names: Names): Promise<void> {
  // Only here: it brings Node's domains along, and with them each event of every command would take a detour.
  const { start } = await import('node:repl')
  const server = start({
    prompt: '> ',
    input: process.stdin,
    output: process.stdout as unknown as NodeJS.WritableStream,
    // In a world of its own, a Date that is made here would be none to the modules of the app.
    useGlobal: true,
  })
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(server.context, name, { value, configurable: true, writable: true })
  }
  const written = writeHistory(server, process.env)
  await once(server, 'exit')
  await written()
  for (const name of Object.keys(names)) Reflect.deleteProperty(server.context, name)
}

/**
 * Keep what is typed in a file, and answer how to wait until it is there: the REPL writes a little later, and the process
 * is about to end. Without a history, if the file cannot be written; the REPL says so.
 */
function writeHistory(server: REPLServer, env: NodeJS.ProcessEnv): () => Promise<void> {
  const file = env['CELERIAC_HISTORY'] ?? join(homedir(), '.celeriac_history')
  const state = { pending: false }
  if (file !== '') {
    server.setupHistory(file, () => undefined)
    server.on('line', () => void (state.pending = true))
    server.on('flushHistory', () => void (state.pending = false))
  }
  return async () => {
    const late = AbortSignal.timeout(HISTORY_TIMEOUT_MS)
    if (state.pending) await once(server, 'flushHistory', { signal: late }).catch(() => undefined)
  }
}
