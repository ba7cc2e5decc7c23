/** The load generator as seen from the bench: orders go out, answers come back, one at a time. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Order } from '../generator.ts'
import { JITI } from './typescript.ts'

export class GeneratorProcess {
  readonly #child: ChildProcess
  readonly #failure: Promise<never>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#failure = failure(child)
    // Whoever asks is told.
    this.#failure.catch(() => undefined)
  }

  /** `kind` is a system; `args` are what that system's side needs. */
  static async start(
    kind: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<GeneratorProcess> {
    const program = join(import.meta.dirname, '../generator.ts')
    const child = fork(JITI, [program, kind, ...args], { env: { ...process.env, ...env } })
    const generator = new GeneratorProcess(child)
    await Promise.race([once(child, 'message'), generator.#failure])
    return generator
  }

  async ask<V extends Order['verb']>(order: Extract<Order, { verb: V }>): Promise<Extract<Answer, { verb: V }>> {
    const answer = once(this.#child, 'message')
    this.#child.send(order)
    const [message] = (await Promise.race([answer, this.#failure])) as [Extract<Answer, { verb: V }>]
    return message
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null]
  throw new Error(`The load generator ended with exit code ${String(code)}`)
}
