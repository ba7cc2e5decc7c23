/**
 * Which shutdown a Unix signal means for a worker, as in Celery: SIGTERM is warm, SIGINT warm and then cold, SIGQUIT
 * cold, and what comes during a cold shutdown ends the process at once. Decides only; the worker command acts on it.
 *
 *     running --TERM, INT--> warm --QUIT, second INT--> (soft -->) cold --> hard
 */

/** The signals that a worker listens to. */
export const SHUTDOWN_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const
export type ShutdownSignal = (typeof SHUTDOWN_SIGNALS)[number]

/**
 * What is to be done. `warm`: running tasks end first. `soft`: they have the soft shutdown time, then cold. `cold`: they
 * are cancelled and their messages go back. `hard`: the process exits now.
 */
export type Shutdown = 'warm' | 'soft' | 'cold' | 'hard'

/** The answer to one signal. */
export interface ShutdownStep {
  /** Undefined: there is nothing to do but to say something. */
  readonly how: Shutdown | undefined
  /** What the process exits with after this. */
  readonly exitCode: 0 | 1
  /** For the person at the terminal. */
  readonly say: readonly string[]
}

/** What changes the meaning of signals. */
export interface ShutdownRules {
  /** Seconds that running tasks get before a cold shutdown (`workerSoftShutdownTimeout`); 0 is none. */
  readonly softTimeout: number
  /** SIGTERM behaves as SIGQUIT (`REMAP_SIGTERM=SIGQUIT`, for platforms that send nothing else). */
  readonly remapSigterm: boolean
}

/** The rules for this worker and this environment. */
export function shutdownRules(softTimeout: number, env: Readonly<Record<string, string | undefined>>): ShutdownRules {
  return { softTimeout, remapSigterm: env['REMAP_SIGTERM'] === 'SIGQUIT' }
}

/** Follows one worker's shutdown through the signals that come. */
export class ShutdownPolicy {
  readonly #rules: ShutdownRules
  #stage: 'running' | Shutdown = 'running'
  #interrupted = false
  #exitCode: 0 | 1 = 0

  constructor(rules: ShutdownRules) {
    this.#rules = rules
  }

  /** A signal came: what now? */
  receive(signal: ShutdownSignal): ShutdownStep {
    const meant = signal === 'SIGTERM' && this.#rules.remapSigterm ? 'SIGQUIT' : signal
    if (meant === 'SIGTERM') return this.#terminate()
    this.#exitCode = 1
    return meant === 'SIGINT' && !this.#interrupted ? this.#interrupt() : this.#quit()
  }

  /** A repeated SIGTERM changes nothing: supervisors send it until the process is gone. */
  #terminate(): ShutdownStep {
    return this.#stage === 'running' ? this.#move('warm', ['worker: Warm shutdown (MainProcess)']) : this.#nothing([])
  }

  #interrupt(): ShutdownStep {
    this.#interrupted = true
    const hint = 'worker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!'
    if (this.#stage === 'running') return this.#move('warm', [hint, 'worker: Warm shutdown (MainProcess)'])
    return this.#stage === 'warm' ? this.#nothing([hint]) : this.#quit()
  }

  #quit(): ShutdownStep {
    if (this.#stage === 'cold' || this.#stage === 'hard') return this.#move('hard', ['worker: Exiting now'])
    if (this.#stage !== 'soft' && this.#rules.softTimeout > 0) {
      return this.#move('soft', [
        `worker: Soft shutdown (MainProcess): running tasks have ${String(this.#rules.softTimeout)} seconds`,
        'worker: Hitting Ctrl+C again will terminate them now!',
      ])
    }
    return this.#move('cold', ['worker: Cold shutdown (MainProcess)'])
  }

  #move(how: Shutdown, say: readonly string[]): ShutdownStep {
    this.#stage = how
    return { how, exitCode: this.#exitCode, say }
  }

  #nothing(say: readonly string[]): ShutdownStep {
    return { how: undefined, exitCode: this.#exitCode, say }
  }
}
