/**
 * Signals: what happens in an app, told to whoever listens (`celery/signals.py`). Observers only: they cannot change
 * anything, and one that throws is logged. To change or refuse something, use middleware.
 */
import type { Headers } from './protocol/message.ts'
import type { Logger } from './util/logger.ts'

/** Which task it is about. */
export interface TaskFacts {
  readonly taskId: string
  /** The task's name. */
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** What the worker knows of a task before its body is decoded. */
export interface RequestFacts {
  readonly taskId: string
  readonly task: string
  readonly headers: Readonly<Headers>
}

/** A message on its way. */
export interface PublishFacts {
  readonly task: string
  readonly taskId: string
  readonly exchange: string
  readonly routingKey: string
  readonly headers: Readonly<Headers>
  readonly body: unknown
}

/** A worker has noticed something of another one. */
export interface NodeFacts {
  /** Who has noticed. */
  readonly hostname: string
  /** The other's node name. */
  readonly node: string
}

/** Every signal and what its listeners receive. Names are Celery's with dashes. */
export interface SignalMap {
  'before-task-publish': PublishFacts
  'after-task-publish': PublishFacts
  'task-received': RequestFacts
  'task-prerun': TaskFacts
  'task-postrun': TaskFacts & { readonly state: string; readonly retval: unknown }
  'task-success': TaskFacts & { readonly result: unknown }
  'task-retry': TaskFacts & { readonly reason: unknown; readonly traceback: string }
  'task-failure': TaskFacts & { readonly exception: unknown; readonly traceback: string }
  'task-internal-error': RequestFacts & { readonly exception: unknown }
  'task-revoked': RequestFacts & {
    readonly terminated: boolean
    readonly signum: string | undefined
    readonly expired: boolean
  }
  'task-rejected': RequestFacts & { readonly reason: string }
  'task-unknown': RequestFacts & { readonly exception: unknown }
  'import-modules': { readonly modules: readonly string[] }
  'worker-init': { readonly hostname: string }
  /** In the worker, before each child process or thread is made. */
  'worker-before-create-process': { readonly hostname: string }
  'worker-process-init': { readonly pid: number }
  'worker-process-shutdown': { readonly pid: number; readonly exitcode: number }
  'heartbeat-sent': { readonly hostname: string }
  /** Another worker is heard of for the first time, or has started anew. */
  'node-join': NodeFacts
  /** Another worker has said good-bye. */
  'node-leave': NodeFacts
  /** Another worker is silent for too long. */
  'node-lost': NodeFacts
  'worker-ready': { readonly hostname: string }
  'worker-shutting-down': {
    readonly hostname: string
    readonly sig: string | undefined
    readonly how: 'warm' | 'soft' | 'cold'
    readonly exitcode: number
  }
  'worker-shutdown': { readonly hostname: string }
  /** A beat has started; in a worker it tells `beat-embedded-init` too. */
  'beat-init': { readonly pid: number }
  'beat-embedded-init': { readonly pid: number }
}

/** The name of a signal. */
export type SignalName = keyof SignalMap
/** What listens to a signal; may be asynchronous. */
export type SignalListener<N extends SignalName> = (facts: SignalMap[N]) => void | Promise<void>

/** One app's signals. */
export class Signals {
  readonly #listeners = new Map<SignalName, Set<(facts: never) => void | Promise<void>>>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Listen. Answers a function that ends it. The same listener is added once. */
  on<N extends SignalName>(name: N, listener: SignalListener<N>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()))
    listeners.add(listener)
    return () => {
      this.off(name, listener)
    }
  }

  /** Listen no more. */
  off<N extends SignalName>(name: N, listener: SignalListener<N>): void {
    const listeners = this.#listeners.get(name)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#listeners.delete(name)
  }

  /** Does anybody listen? Ask before gathering facts on a hot path. */
  has(name: SignalName): boolean {
    return this.#listeners.has(name)
  }

  /** Tell all listeners, in the order they came; resolves when the asynchronous ones are done. Never rejects. */
  async send<N extends SignalName>(name: N, facts: SignalMap[N]): Promise<void> {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        await (listener as SignalListener<N>)(facts)
      } catch (error) {
        this.#logger.error(`A listener of the signal ${name} failed`, { error })
      }
    }
  }
}
