/** `celeriac graph`: drawings of the cluster and of work-flows, in the language of Graphviz or as pictures. */
import { readFile, writeFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { ImproperlyConfigured } from '../errors.ts'
import { isRecord } from '../util/record.ts'
import { didYouMean } from '../util/suggest.ts'
import { maskPassword } from '../util/url.ts'
import type { Celery } from '../celery.ts'
import { clusterDot, type ClusterWorker } from './cluster-graph.ts'
import { EXIT_UNAVAILABLE, type CommandRunner } from './command.ts'
import { flowDot } from './flow-graph.ts'
import { commaList, seconds } from './options.ts'
import { renderSvg } from './picture.ts'
import type { Session } from './session.ts'

interface GraphOptions {
  readonly output?: string
}

interface WorkersOptions extends GraphOptions {
  readonly timeout: number
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts graph workers -o cluster.svg
  $ celeriac graph workers nodes:w1,w2,w3 threads:2,2,4 broker:amqp://here generic
  $ celeriac -A app.ts graph result 0199f1c2-7a3e-7b1c-9d55-3f0e7d6c2a10 | dot -Tpng > flow.png
  $ celeriac graph signature flow.json -o flow.svg

Without -o the drawing is printed in the language of Graphviz (DOT). A picture (.svg) needs: npm install @viz-js/viz`

/** What may stand behind `graph workers`. */
const ARGUMENTS = ['nodes', 'threads', 'generic', 'enumerate', 'wmax', 'tmax', 'backend', 'broker'] as const
type Arguments = Readonly<Partial<Record<(typeof ARGUMENTS)[number], string>>>

/** Add the command to the program. */
export function addGraphCommand(program: Command, run: CommandRunner): void {
  const graph = program
    .command('graph')
    .description('Draw the cluster, or what became of a work-flow.')
    .addHelpText('after', EXAMPLES)
  graph
    .command('workers')
    .description('Draw workers, broker and backend.')
    .argument('[arguments...]', `how: ${ARGUMENTS.join(', ')}, each with :VALUE but generic and enumerate`)
    .option('-t, --timeout <seconds>', 'how long to wait for the replies of workers', seconds, 1)
    .option('-o, --output <file>', 'write it to a file: .dot or .svg')
    .addHelpText('after', EXAMPLES)
    .action(run(drawWorkers))
  graph
    .command('result')
    .description('Draw which task called which, from the result of the first.')
    .argument('<id>', 'the id of the task')
    .option('-o, --output <file>', 'write it to a file: .dot or .svg')
    .addHelpText('after', EXAMPLES)
    .action(run(drawResult))
  graph
    .command('signature')
    .description('Draw a work-flow that has not been sent, from its signature as JSON.')
    .argument('[file]', 'the file that holds it; none, or -, is standard input')
    .option('-o, --output <file>', 'write it to a file: .dot or .svg')
    .addHelpText('after', EXAMPLES)
    .action(run(drawSignature))
}

async function drawWorkers(session: Session, options: WorkersOptions, words: readonly string[]): Promise<number> {
  const given = readArguments(words)
  const app = await session.app()
  const { brokerReadUrl, resultBackend } = await app.prepare()
  const workers = given.nodes === undefined ? await askWorkers(app, options.timeout) : writtenWorkers(given)
  if (workers.length === 0) {
    session.output.error('No nodes replied within time constraint.')
    return EXIT_UNAVAILABLE
  }
  const backend = given.backend ?? resultBackend
  const cluster = {
    broker: given.broker ?? maskPassword(brokerReadUrl),
    backend: backend === null || backend === '' ? undefined : maskPassword(backend),
    workers,
  }
  const dot = clusterDot(cluster, {
    generic: given.generic !== undefined,
    enumerate: given.enumerate !== undefined,
    maxWorkers: wholeNumber('wmax', given.wmax ?? '4'),
    maxThreads: wholeNumber('tmax', given.tmax ?? '3'),
  })
  await hand(session, dot, options)
  return 0
}

async function drawResult(session: Session, options: GraphOptions, [id = '']: readonly string[]): Promise<void> {
  const app = await session.app()
  const graph = await app.asyncResult(id).graph({ intermediate: true })
  await hand(session, graph.toDot(), options)
}

async function drawSignature(session: Session, options: GraphOptions, [file = '-']: readonly string[]): Promise<void> {
  const { stdin } = session.process
  await hand(session, flowDot(await readJson(file, session.process.cwd(), stdin)), options)
}

async function readJson(file: string, cwd: string, stdin: NodeJS.ReadableStream): Promise<unknown> {
  try {
    return JSON.parse(file === '-' ? await text(stdin) : await readFile(resolve(cwd, file), 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImproperlyConfigured(`No signature can be read from ${file}: ${reason}`, { cause: error })
  }
}

/** `nodes:a,b generic` by name. Throws `ImproperlyConfigured` for others. */
function readArguments(words: readonly string[]): Arguments {
  return Object.fromEntries(
    words.map((word) => {
      const [, name = word, value = ''] = /^(\w+):(.*)$/.exec(word) ?? []
      if (ARGUMENTS.some((known) => known === name)) return [name, value]
      throw new ImproperlyConfigured(
        `There is no argument "${name}"${didYouMean(name, ARGUMENTS) || `; there are ${ARGUMENTS.join(', ')}`}`,
      )
    }),
  )
}

/** Workers that need not be there. */
function writtenWorkers({ nodes = '', threads = '' }: Arguments): ClusterWorker[] {
  const numbers = commaList(threads).map((number) => wholeNumber('threads', number))
  return commaList(nodes).map((name, index) => ({ name, concurrency: numbers[index] }))
}

async function askWorkers(app: Celery, timeout: number): Promise<ClusterWorker[]> {
  const replies = await app.control.ask('stats', { timeout })
  return replies
    .flatMap((reply) => Object.entries(reply))
    .map(([name, stats]) => ({ name, concurrency: concurrencyOf(stats) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function concurrencyOf(stats: unknown): number | undefined {
  const pool = isRecord(stats) && isRecord(stats['pool']) ? stats['pool'] : {}
  const concurrency = pool['max-concurrency']
  return typeof concurrency === 'number' ? concurrency : undefined
}

function wholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new ImproperlyConfigured(`${name} must be a whole number, not "${text}"`)
}

async function hand({ output, process }: Session, dot: string, { output: name }: GraphOptions): Promise<void> {
  if (name === undefined) {
    output.line(dot.trimEnd())
    return
  }
  const extension = extname(name).toLowerCase()
  if (extension !== '.svg' && extension !== '.dot' && extension !== '.gv') {
    throw new ImproperlyConfigured(`${name} must end in .svg or .dot, to say what it is to be`)
  }
  await writeFile(resolve(process.cwd(), name), extension === '.svg' ? await renderSvg(dot) : dot)
  output.note(`Written to ${name}.`)
}
