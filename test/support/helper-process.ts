/** A process with a script of the tests in it, and what it said. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from './wait-for.ts'

export class HelperProcess {
  readonly #child: ChildProcess
  readonly #said: unknown[] = []

  /** `script` is the name of a file beside this one; `command` starts Node, such as `unshare` with its options. */
  constructor(script: string, args: readonly string[], command: readonly string[] = []) {
    const [execPath = process.execPath, ...before] = command
    this.#child = fork(new URL(script, import.meta.url).pathname, [...args], {
      execPath,
      execArgv: [...before, ...(command.length === 0 ? [] : [process.execPath]), '--import', 'jiti/register'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (news) => this.#said.push(news))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The next thing that it says. */
  async hear(): Promise<unknown> {
    await waitFor(() => this.#said.length > 0 || this.#child.exitCode !== null, { timeoutMs: 20_000, intervalMs: 1 })
    return this.#said.shift()
  }

  tell(news: string): void {
    this.#child.send(news)
  }

  /** Kill it with no chance to do anything. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
