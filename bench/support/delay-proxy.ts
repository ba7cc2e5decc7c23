/** A proxy before a server, as seen from the bench. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Counts } from './counts.ts'
import { JITI } from './typescript.ts'
import type { Wire } from './wire-counter.ts'

export class DelayProxy {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** Holds what passes back for so many milliseconds each way. */
  static async start(targetPort: number, delayMs: number, wire: Wire): Promise<DelayProxy> {
    const program = join(import.meta.dirname, '../proxy.ts')
    const child = fork(JITI, [program, String(targetPort), String(delayMs), wire])
    const [port] = (await once(child, 'message')) as [number]
    return new DelayProxy(child, port)
  }

  /** All that has passed since it started. */
  async counts(): Promise<Counts> {
    const answer = once(this.#child, 'message')
    this.#child.send('counts')
    return ((await answer) as [Counts])[0]
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}
