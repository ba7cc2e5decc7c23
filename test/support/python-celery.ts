/**
 * Celery in Python: a client that evaluates what a test says, and a worker. Both run the project in
 * `test/interop/python`, with Debian's `python3-celery`; $CELERY_PYTHON names another interpreter that has Celery.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describeWithServer, installPackages, stopProcess } from './server.ts'
import { ROOT } from './sources.ts'
import { waitFor } from './wait-for.ts'

/** Settings of the Python app under Celery's own names, such as `{ broker_url: 'redis://127.0.0.1:6379/0' }`. */
export type PythonSettings = Readonly<Record<string, unknown>>

/** A Python process with an app, waiting for expressions. */
export interface PythonClient {
  /**
   * The value of a Python expression in the names of `driver.py`, as far as JSON has it, else its `repr()`. One after
   * the other. Rejects with `PythonError` for what it raises.
   */
  evaluate<T = unknown>(expression: string): Promise<T>
  stop(): Promise<void>
}

/** A Python worker that is ready. */
export interface PythonWorker {
  /** Its node name. */
  readonly hostname: string
  /** What it has logged so far. */
  readonly log: string
  stop(): Promise<void>
}

/** What a Python expression raised. */
export class PythonError extends Error {
  /** The exception's class. */
  readonly type: string
  readonly module: string
  readonly args: readonly unknown[]
  readonly traceback: string

  constructor({ type, module, args, message, traceback }: ErrorFacts) {
    super(`${type}: ${message}`)
    this.type = type
    this.module = module
    this.args = args
    this.traceback = traceback
  }
}

interface ErrorFacts {
  readonly type: string
  readonly module: string
  readonly args: readonly unknown[]
  readonly message: string
  readonly traceback: string
}

type Answer = { readonly value: unknown } | { readonly error: ErrorFacts }

const PROJECT = join(ROOT, 'test/interop/python')
/** The interpreter. */
export const PYTHON: string = process.env['CELERY_PYTHON'] ?? '/usr/bin/python3'
const OWN_ENVIRONMENT = {
  PYTHONDONTWRITEBYTECODE: '1',
  // As root a worker refuses pickle otherwise, and here nobody else sends any.
  C_FORCE_ROOT: '1',
}
const MODULES = 'celery, redis, yaml, msgpack, brotli, zstandard'
const PACKAGES = ['celery', 'redis', 'yaml', 'msgpack', 'brotli', 'zstandard'].map((name) => `python3-${name}`)

/** `describe` for tests that need Celery in Python. */
export function describeWithPythonCelery(name: string, tests: () => void): void {
  const found = hasModules() || (installPackages(PACKAGES) && hasModules())
  describeWithServer(name, 'python3-celery', found ? PYTHON : undefined, tests)
}

/** Resolves when it has an app with these settings. */
export async function startPythonClient(settings: PythonSettings): Promise<PythonClient> {
  const client = startPython(['driver.py'], inProject(settings))
  const answers = createInterface({ input: client.process.stdout as NodeJS.ReadableStream })
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = []
  answers.on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer))
  client.process.once('exit', () => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`Python ended:\n${client.errors}`))
  })
  const evaluate = async <T>(expression: string): Promise<T> => {
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject })
      client.process.stdin?.write(`${JSON.stringify({ expression })}\n`)
    })
    if ('error' in answer) throw new PythonError(answer.error)
    return answer.value as T
  }
  await evaluate('True')
  return { evaluate, stop: () => stopProcess(client.process) }
}

/** Leave neighbours alone, and be left alone. */
const ALONE: readonly string[] = ['--without-gossip', '--without-mingle']

/** Resolves when it consumes the queues. It runs one task at a time, in its own process. */
export async function startPythonWorker(
  settings: PythonSettings,
  queues: readonly string[],
  name: string = 'python',
  more: readonly string[] = ALONE,
): Promise<PythonWorker> {
  const hostname = `${name}@localhost`
  const place = ['--hostname', hostname, '--queues', queues.join(',')]
  const options = ['--pool', 'solo', '-O', 'fair', '--loglevel', 'INFO', ...more]
  const worker = startPython(['-m', 'celery', '-A', 'interop', 'worker', ...place, ...options], inProject(settings))
  worker.process.stdin?.end()
  const isReady = (): boolean => worker.errors.includes(`${hostname} ready`)
  await waitFor(() => isReady() || worker.process.exitCode !== null, { what: 'a Python worker', timeoutMs: 30_000 })
  if (!isReady()) throw new Error(`The Python worker ended:\n${worker.errors}`)
  return {
    hostname,
    get log() {
      return worker.errors
    },
    // What it holds is of no interest to anybody, and a warm shutdown takes a second.
    stop: () => stopProcess(worker.process, 'SIGKILL'),
  }
}

/** Run a Python program of the project to its end. */
export async function runPython(
  args: readonly string[],
  settings: PythonSettings,
): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const program = startPython(args, inProject(settings)).process
  program.stdin?.end()
  let stdout = ''
  program.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const code = await new Promise<number | null>((resolve) => program.once('close', resolve))
  return { code, stdout }
}

/** A Python program that was started. */
export interface PythonProcess {
  readonly process: ChildProcess
  /** What it wrote on standard error so far. */
  readonly errors: string
}

/** Start any Python program; it dies with this process. Its standard input and output are pipes. */
export function startPython(args: readonly string[], { cwd, env }: PythonOptions): PythonProcess {
  const child = spawn(PYTHON, args, { cwd, env: { ...process.env, ...OWN_ENVIRONMENT, ...env } })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  return {
    process: child,
    get errors() {
      return errors
    },
  }
}

interface PythonOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

function inProject(settings: PythonSettings): PythonOptions {
  return { cwd: PROJECT, env: { INTEROP_SETTINGS: JSON.stringify(settings) } }
}

function hasModules(): boolean {
  try {
    execFileSync(PYTHON, ['-c', `import ${MODULES}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
