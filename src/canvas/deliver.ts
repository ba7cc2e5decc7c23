/**
 * Deliver: publish a work-flow. Signatures say one after the other what is to be published, so that of a large group
 * only one batch is there at a time.
 */
import type { ResultTuple } from '../protocol/result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { startChord } from './chord-start.ts'
import type { ChordHeader, UnlockOptions } from './chord-start.ts'
import type { Host, PlannedCall } from './host.ts'

/** What is done to send a work-flow. */
export type Step =
  | { readonly kind: 'call'; readonly call: PlannedCall }
  /** Comes before the calls of its header. */
  | {
      readonly kind: 'chord'
      readonly header: ChordHeader
      readonly body: SignatureData
      readonly options: UnlockOptions
    }

/** The steps of a work-flow, and its result. */
export type Steps = Generator<Step, ResultTuple, void>

/** How many calls are published in one go. */
const BATCH_SIZE = 500

/** Publish what `steps` say. Resolves with the result's tree once the broker has all of it. */
export async function deliver(host: Host, steps: Steps, signal?: AbortSignal): Promise<ResultTuple> {
  const size = new Size(host)
  let calls: PlannedCall[] = []
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) {
    if (step.value.kind === 'chord') {
      const { header, body, options } = step.value
      // The store must know the size before the last part ends.
      await startChord(host, header, body, options)
      continue
    }
    const { call } = step.value
    size.add(call)
    calls.push(signal === undefined ? call : { ...call, options: { ...call.options, signal } })
    if (calls.length < BATCH_SIZE) continue
    await host.callMany(calls)
    calls = []
  }
  if (calls.length > 0) await host.callMany(calls)
  return step.value
}

/** How many tasks a work-flow has so far, steps of chains included: a warning when there are more than the app allows for. */
class Size {
  readonly #host: Host
  readonly #limit: number
  #tasks = 0

  constructor(host: Host) {
    this.#host = host
    this.#limit = host.canvasPolicy().warnSize ?? Infinity
  }

  add({ name, options }: PlannedCall): void {
    const before = this.#tasks
    this.#tasks += 1 + (options.chain?.length ?? 0)
    if (before > this.#limit || this.#tasks <= this.#limit) return
    this.#host.warn(
      `A work-flow with the task ${name} has more than ${String(this.#limit)} tasks (taskWorkflowWarnSize): ` +
        'a chain carries all its steps in each message, and a chord gives all its results to one task. ' +
        'Let tasks start the next ones, or use chunks',
    )
  }
}
