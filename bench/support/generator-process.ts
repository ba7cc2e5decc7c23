/** The load generator as seen from the bench: orders go out, answers come back, one at a time. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Order } from '../generator.ts'

export class GeneratorProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** `kind` is a system; `args` are what that system's side needs. */
  static async start(
    kind: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<GeneratorProcess> {
    const child = fork(join(import.meta.dirname, '../generator.ts'), [kind, ...args], {
      env: { ...process.env, ...env },
    })
    await Promise.race([once(child, 'message'), failure(child)])
    return new GeneratorProcess(child)
  }

  async ask<V extends Order['verb']>(order: Extract<Order, { verb: V }>): Promise<Extract<Answer, { verb: V }>> {
    const answer = once(this.#child, 'message')
    this.#child.send(order)
    const [message] = (await Promise.race([answer, failure(this.#child)])) as [Extract<Answer, { verb: V }>]
    return message
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null]
  throw new Error(`The load generator ended with exit code ${String(code)}`)
}
