/**
 * The tasks that the pool suite runs, without an app or a broker: what a job does stands in its body, as JSON. In a
 * pool of processes the children import this module, see `PreforkOptions.runner`.
 */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAILURE, SUCCESS } from '../protocol/states.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Logger } from '../util/logger.ts'
import type { ChildRunner } from '../worker/child-runner.ts'
import type { AppLocation, Job, JobControl } from '../worker/pool/pool.ts'

/** What a job of the suite does, in this order. */
export interface PoolTask {
  /** Store documents of these states first. */
  readonly states?: readonly string[]
  /** End as a part of a chord that says this. */
  readonly part?: string
  /** Append a line with the job's key to this file, which tells what ran, and how often. */
  readonly mark?: string
  /** Write so many lines of so many characters to standard output. */
  readonly print?: { readonly lines: number; readonly length: number; readonly end?: string }
  /** Log this as a warning. */
  readonly log?: string
  /** Keep so many more bytes of memory. */
  readonly keepBytes?: number
  /** Leave a rejected promise behind. */
  readonly reject?: boolean
  /** End the process with this code, or by this signal. */
  readonly exit?: number | NodeJS.Signals
  /** Block the process until this file exists. */
  readonly blockUntil?: string
  /** Wait until this file exists. */
  readonly waitUntil?: string
  /** Stop waiting when the signal is aborted, and fail with its reason. */
  readonly heeds?: boolean
  /** Block it so after the outcome was told. */
  readonly blockAfter?: string
  /** Store one document more after the outcome was told. */
  readonly storeLate?: boolean
  /** Return so many characters. Default 2. */
  readonly resultLength?: number
}

const POLL_MS = 1
const kept: Buffer[] = []

/** A `RunJob`. */
export async function runPoolTask(job: Job, control: JobControl): Promise<Outcome> {
  const task = JSON.parse(String(job.message.body)) as PoolTask
  const store = (status: string, body: string): void => {
    control.store({ taskId: job.taskId, status, body })
  }
  for (const state of task.states ?? []) store(state, state)
  act(job, task)
  try {
    if (task.waitUntil !== undefined) await waitFor(task.waitUntil, task.heeds === true ? control.signal : undefined)
  } catch (error) {
    store(FAILURE, String(error))
    return failure(error as Error)
  }
  if (task.part !== undefined) control.endPart(task.part)
  store(SUCCESS, 'r'.repeat(task.resultLength ?? 2))
  if (task.storeLate === true) setImmediate(() => store('LATE', 'late'))
  const { blockAfter } = task
  if (blockAfter !== undefined) setImmediate(() => block(blockAfter))
  return { kind: 'success', runtimeMs: 0.01, resultRepr: String(process.pid) }
}

/**
 * What a pool's child asks of its runner. Settings say what goes wrong: `failToStart` is the text of an error to throw,
 * `exitAtStart` and `hangAtStart` are flags. `markStart` and `markStop` are files to which process ids are appended.
 */
export function createRunner(
  _location: AppLocation,
  settings: Readonly<Record<string, unknown>>,
  logger?: Logger,
): Promise<ChildRunner> {
  const { failToStart } = settings
  if (typeof failToStart === 'string') return Promise.reject(new Error(failToStart))
  if (settings['exitAtStart'] === true) {
    process.stderr.write('cannot go on\n')
    process.exit(3)
  }
  return Promise.resolve({
    run: (job, control) => {
      const { log } = JSON.parse(String(job.message.body)) as PoolTask
      if (log !== undefined) logger?.warning(log)
      return runPoolTask(job, control)
    },
    started: () => {
      markProcess(settings['markStart'])
      return settings['hangAtStart'] === true ? new Promise<void>(() => undefined) : Promise.resolve()
    },
    stopping: () => {
      markProcess(settings['markStop'])
      return Promise.resolve()
    },
  })
}

function markProcess(file: unknown): void {
  if (typeof file === 'string') appendFileSync(file, `${String(process.pid)}\n`)
}

function act(job: Job, task: PoolTask): void {
  if (task.mark !== undefined) appendFileSync(task.mark, `${String(job.key)}\n`)
  if (task.print !== undefined) {
    const { lines, length, end = '\n' } = task.print
    for (let line = 0; line < lines; line += 1) process.stdout.write('x'.repeat(length) + end)
  }
  if (task.keepBytes !== undefined) kept.push(Buffer.alloc(task.keepBytes, 1))
  if (task.reject === true) void Promise.reject(new Error('left behind'))
  if (typeof task.exit === 'number') process.exit(task.exit)
  if (task.exit !== undefined) process.kill(process.pid, task.exit)
  if (task.blockUntil !== undefined) block(task.blockUntil)
}

function block(until: string): void {
  while (!existsSync(until)) continue
}

async function waitFor(file: string, signal: AbortSignal | undefined): Promise<void> {
  while (!existsSync(file)) {
    signal?.throwIfAborted()
    await sleep(POLL_MS)
  }
}

function failure(error: Error): Outcome {
  const { name, message, stack = '' } = error
  const facts = { excType: name, excMessage: [message], excModule: 'tests', repr: `${name}(${message})` }
  return { kind: 'failure', runtimeMs: 0.01, failure: { ...facts, traceback: stack }, expected: false }
}
