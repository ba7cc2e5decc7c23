/** Eager runs: a task in this process, at once, with everything a worker would do for it but the message. */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { linksOf } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import type { ResultHost } from '../result/async-result.ts'
import { EagerResult } from '../result/eager-result.ts'
import { FAILURE, RETRY } from '../protocol/states.ts'
import type { TaskEmbed } from '../protocol/task.ts'
import { bareHead } from '../task/request.ts'
import type { TaskDefinition } from '../task/task.ts'
import type { EagerRun, Tracer } from '../task/trace.ts'
import { uuid7 } from '../util/uuid.ts'

export interface EagerParts {
  readonly tracer: Tracer
  readonly results: ResultHost
  readonly backend: ResultBackend
  readonly hostname: string
}

/** Run the task, and again as often as it asks to be retried, without waiting in between (as Celery does). */
export async function runEagerly(
  definition: TaskDefinition,
  args: readonly unknown[],
  options: PublishOptions,
  parts: EagerParts,
): Promise<EagerResult> {
  const id = options.taskId ?? uuid7()
  let attempt = { args, kwargs: options.kwargs ?? {}, retries: options.retries ?? 0 }
  for (;;) {
    const run = await runOnce(definition, id, attempt, options, parts)
    if (run.state !== RETRY || run.plan === undefined) {
      const { state, value, traceback } = run
      return new EagerResult(id, parts.results, { state, value, traceback })
    }
    const { plan } = run
    attempt = { args: plan.args ?? attempt.args, kwargs: plan.kwargs ?? attempt.kwargs, retries: attempt.retries + 1 }
  }
}

async function runOnce(
  definition: TaskDefinition,
  id: string,
  attempt: {
    readonly args: readonly unknown[]
    readonly kwargs: Readonly<Record<string, unknown>>
    readonly retries: number
  },
  options: PublishOptions,
  parts: EagerParts,
): Promise<EagerRun> {
  const abort = new AbortController()
  const { softTimeLimit = definition.policy.softTimeLimit } = options
  const head = {
    ...bareHead(definition.name, id),
    rootId: options.rootId ?? id,
    parentId: options.parentId,
    retries: attempt.retries,
    timelimit: [options.timeLimit, softTimeLimit] as const,
    custom: { ...options.headers },
  }
  const fields = {
    head,
    args: attempt.args,
    kwargs: attempt.kwargs,
    embed: embedOf(options),
    message: { properties: {} },
    deliveryInfo: { exchange: '', routing_key: '', priority: options.priority ?? null, redelivered: false },
    hostname: parts.hostname,
  }
  const control = { signal: abort.signal, store: (result: EncodedResult) => parts.backend.storeResult(result) }
  try {
    return await parts.tracer.runEagerly(fields, control)
  } catch (error) {
    return { state: FAILURE, value: error, traceback: undefined, plan: undefined }
  }
}

function embedOf(options: PublishOptions): TaskEmbed {
  return {
    callbacks: options.link === undefined ? null : linksOf(options.link),
    errbacks: options.linkError === undefined ? null : linksOf(options.linkError),
    chain: options.chain === undefined ? null : [...options.chain],
    chord: options.chord ?? null,
  }
}
