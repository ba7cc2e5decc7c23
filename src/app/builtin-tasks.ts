/**
 * The tasks that every worker has (`celery/app/builtins.py`), so that work-flows of either language run in it. They are
 * made when a message first asks for one.
 */
import { chordOf } from '../canvas/chord.ts'
import { chunks } from '../canvas/chunks.ts'
import { deliver } from '../canvas/deliver.ts'
import type { AnySignature, Signature } from '../canvas/signature.ts'
import { NotRegistered, TaskError } from '../errors.ts'
import {
  ACCUMULATE_TASK,
  BACKEND_CLEANUP_TASK,
  CHAIN_TASK,
  CHORD_TASK,
  CHORD_UNLOCK_TASK,
  CHUNKS_TASK,
  GROUP_TASK,
  MAP_TASK,
  STARMAP_TASK,
} from '../protocol/names.ts'
import { decodeResultTuple } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import type { GroupResult } from '../result/group-result.ts'
import type { TaskContext } from '../task/context.ts'
import type { TaskRegistry } from '../task/registry.ts'
import type { Task } from '../task/task.ts'
import { chordUnlockTask } from './chord-unlock.ts'
import type { BuiltinTask, UnlockHost } from './chord-unlock.ts'

/** What they need of their app. */
export interface BuiltinHost extends UnlockHost {
  readonly tasks: TaskRegistry
}

/** The task of this name; undefined where Celery has none. */
export function builtinTask(host: BuiltinHost, name: string): BuiltinTask | undefined {
  switch (name) {
    case MAP_TASK:
      return mapTask(host)
    case STARMAP_TASK:
      return starmapTask(host)
    case CHUNKS_TASK:
      return chunksTask(host)
    case ACCUMULATE_TASK:
      return accumulateTask()
    case CHORD_UNLOCK_TASK:
      return chordUnlockTask(host)
    case GROUP_TASK:
      return groupTask(host)
    case CHORD_TASK:
      return chordTask(host)
    case CHAIN_TASK:
      return chainTask()
    case BACKEND_CLEANUP_TASK:
      return cleanupTask(host)
    default:
      return undefined
  }
}

/** Removes results that have expired. Beat sends it where they do not expire by themselves; Python's does so too. */
function cleanupTask(host: BuiltinHost): BuiltinTask {
  const cleanup = async (): Promise<void> => {
    await (await host.backend()).cleanup()
  }
  return { name: BACKEND_CLEANUP_TASK, options: { params: [] }, fn: cleanup }
}

/** Calls a task with each item, here, one after the other. */
function mapTask(host: BuiltinHost): BuiltinTask {
  const map = async (task: unknown, it: readonly unknown[]): Promise<unknown[]> => {
    const call = registered(host, task)
    const values: unknown[] = []
    for (const item of it) values.push(await call(item))
    return values
  }
  return { name: MAP_TASK, options: { params: ['task', 'it'] }, fn: map }
}

/** The same, where each item is a list of arguments. */
function starmapTask(host: BuiltinHost): BuiltinTask {
  const starmap = async (task: unknown, it: readonly (readonly unknown[])[]): Promise<unknown[]> => {
    const call = registered(host, task)
    const values: unknown[] = []
    for (const args of it) values.push(await call(...args))
    return values
  }
  return { name: STARMAP_TASK, options: { params: ['task', 'it'] }, fn: starmap }
}

/** Sends the parts of a list of calls; answers the result of the group that they are. */
function chunksTask(host: BuiltinHost): BuiltinTask {
  const send = (task: unknown, it: readonly unknown[][], n: number): Promise<GroupResult> =>
    chunks(signatureOf(host, task) as Signature, it, n).applyAsync()
  return { name: CHUNKS_TASK, options: { params: ['task', 'it', 'n'] }, fn: send }
}

/** More arguments than anybody gives it. */
const MOST_ACCUMULATED = 100

/** Answers its arguments, or the one at `index`: the body of a chord that a group became which replaced a task. */
function accumulateTask(): BuiltinTask {
  const accumulate = ({ request: { args, kwargs } }: TaskContext): unknown => {
    const { index } = kwargs
    return typeof index === 'number' ? args.at(index) : args
  }
  // Its one named argument comes after any number of others.
  const others = Array.from({ length: MOST_ACCUMULATED }, (_, place) => `value${String(place)}?`)
  return { name: ACCUMULATE_TASK, options: { bind: true, params: [...others, 'index?'] }, fn: accumulate }
}

/** Sends the tasks of a group. Nobody sends it any more; Celery keeps it for old peers. */
function groupTask(host: BuiltinHost): BuiltinTask {
  const send = async (
    tasks: readonly unknown[],
    result: unknown,
    group_id: string,
    partial_args: readonly unknown[] = [],
  ): Promise<ResultTuple> => {
    for (const task of tasks) {
      await signatureOf(host, task).applyAsync([...partial_args], { groupId: group_id, addToParent: false })
    }
    return decodeResultTuple(result)
  }
  const params = ['tasks', 'result', 'group_id', 'partial_args?', 'add_to_parent?']
  return { name: GROUP_TASK, options: { params }, fn: send }
}

/** Sends a chord. Nobody sends it any more; Celery keeps it for old peers. */
function chordTask(host: BuiltinHost): BuiltinTask {
  const send = (
    header: unknown,
    body: unknown,
    partial_args: readonly unknown[] = [],
    interval: number | null = null,
    countdown: number | null = 1,
    max_retries: number | null = null,
  ): Promise<ResultTuple> => {
    const tasks = Array.isArray(header)
      ? header.map((task) => signatureOf(host, task))
      : (signatureOf(host, header).members ?? [])
    const options = { interval, countdown, max_retries }
    return deliver(host, chordOf(tasks, signatureOf(host, body)).steps({ args: partial_args, kwargs: {}, options }))
  }
  const params = ['header', 'body', 'partial_args?', 'interval?', 'countdown?', 'max_retries?', 'eager?']
  return { name: CHORD_TASK, options: { params }, fn: send }
}

/** A chain is sent as its first step. */
function chainTask(): BuiltinTask {
  const refuse = (..._args: unknown[]): never => {
    throw new TaskError('A chain is not a real task: its first step is sent, and carries the others')
  }
  return { name: CHAIN_TASK, options: { typing: false, params: ['tasks?'] }, fn: refuse }
}

/** The task that a signature names, as the function it is. Throws `NotRegistered`. */
function registered(host: BuiltinHost, task: unknown): Task {
  const { task: name } = signatureOf(host, task)
  const known = host.tasks.get(name)
  if (known === undefined) throw new NotRegistered(name)
  return known
}

function signatureOf(host: BuiltinHost, data: unknown): AnySignature {
  const signature: unknown = host.canvas.signature(data as SignatureData)
  return signature as AnySignature
}
