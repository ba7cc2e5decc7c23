/** What happens after a task: callbacks, the next link of a chain, errbacks. Runs before the result is stored. */
import type { SignatureData } from '../protocol/signature.ts'
import type { TaskEmbed } from '../protocol/task.ts'
import type { Logger } from '../util/logger.ts'
import type { Host, PlannedCall } from './host.ts'
import { fromWireOptions } from './options.ts'
import type { PublishOptions } from './options.ts'
import type { AnySignature } from './signature.ts'

/** The task that ended, as far as its followers need to know. */
export interface EndedTask {
  readonly id: string
  readonly rootId: string
  readonly embed: TaskEmbed
  /** What the followers inherit, with `taskInheritParentPriority`. */
  readonly priority: number | undefined
}

/** What followers inherit of the task that ended. */
export type Predecessor = Omit<EndedTask, 'embed'>

/** Is anything to be sent after this task succeeds? Asked on the hot path. */
export function hasFollowers(embed: TaskEmbed): boolean {
  return (embed.callbacks !== null && embed.callbacks.length > 0) || (embed.chain !== null && embed.chain.length > 0)
}

/** Send the callbacks and the next link of the chain, each with `value` in front of its arguments. */
export async function continueWorkflow(host: Host, ended: EndedTask, value: unknown): Promise<void> {
  const { callbacks, chain } = ended.embed
  const sending = (callbacks ?? []).map((callback) => sendFollower(host, ended, callback, value))
  if (chain !== null && chain.length > 0) {
    // The list is reversed on the wire: its last element is the next task, the rest travels on with it.
    const next = chain.at(-1) as SignatureData
    sending.push(sendFollower(host, ended, next, value, { chain: chain.slice(0, -1) }))
  }
  await Promise.all(sending)
}

/** What errbacks that are called here are given. */
export interface FailedTask {
  readonly request: unknown
  readonly error: Error
  readonly traceback: string
}

/**
 * Call the errbacks of a failed task. A registered function with more than one parameter is called here with
 * `(request, error, traceback)` and what its signature has; any other is sent as a task with the failed task's id
 * (Celery's rule). One that fails is logged, and the others are still called.
 */
export async function callErrbacks(host: Host, ended: EndedTask, failed: FailedTask, logger: Logger): Promise<void> {
  for (const errback of ended.embed.errbacks ?? []) {
    try {
      const facts = errback.immutable ? [] : [failed.request, failed.error, failed.traceback]
      const called = await host.callErrback(errback.task, [...facts, ...errback.args], errback.kwargs)
      if (!called) await sendFollower(host, ended, errback, ended.id)
    } catch (error) {
      logger.error(`The errback ${errback.task} of the task ${ended.id} failed`, { error })
    }
  }
}

/** Send a task or a work-flow after the task that ended, with `value` in front of its arguments. Rejects as `Host.call` does. */
export async function sendFollower(
  host: Host,
  ended: Predecessor,
  signature: SignatureData,
  value: unknown,
  extra: PublishOptions = {},
): Promise<void> {
  if (signature.subtask_type === null) {
    const { name, args, options } = planFollower(ended, signature, value, extra)
    await host.call(name, args, options)
    return
  }
  const { id: parentId, rootId, priority } = ended
  const inherited = priority === undefined || signature.options['priority'] !== undefined ? {} : { priority }
  const workflow = host.canvas.signature(signature) as unknown as AnySignature
  await workflow.applyAsync([value], { ...inherited, ...extra, parentId, rootId })
}

/** The call that a task after the task that ended is. */
export function planFollower(
  { id: parentId, rootId, priority }: Predecessor,
  { task: name, args, kwargs, options, immutable }: SignatureData,
  value: unknown,
  extra: PublishOptions = {},
): PlannedCall {
  const inherited = priority === undefined ? {} : { priority }
  return {
    name,
    args: immutable ? args : [value, ...args],
    options: { ...inherited, ...fromWireOptions(options), ...extra, parentId, rootId, kwargs },
  }
}
