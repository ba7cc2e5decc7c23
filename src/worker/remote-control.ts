/** A worker's ear: takes commands from its mailbox and runs them. What each does is `commands/`. */
import type { App } from '../app/app.ts'
import { InvalidTaskError } from '../errors.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Connection } from '../transport/transport.ts'
import { didYouMean } from '../util/suggest.ts'
import { createCommands } from './commands/all.ts'
import type { CommandArguments, CommandTarget } from './commands/command.ts'

/** What remote control needs of its worker. */
export interface RemoteControlParts {
  readonly app: App
  /** Answers leave on it. */
  readonly broker: BrokerConnection
  readonly target: CommandTarget
}

/** Listens on one connection after the other. */
export class RemoteControl {
  readonly #parts: RemoteControlParts
  readonly #commands = createCommands()

  constructor(parts: RemoteControlParts) {
    this.#parts = parts
  }

  /** Take commands on this connection. Answers how to stop; nothing happens where there is no remote control. */
  async attach(connection: Connection): Promise<() => Promise<void>> {
    const { app, broker, target } = this.#parts
    if (!app.conf.values.workerEnableRemoteControl || !connection.features.fanout) return () => Promise.resolve()
    const node = await app.createMailbox(broker).serve(connection, {
      nodename: target.hostname,
      handle: (method, args) => this.run(method, args),
    })
    return () => node.stop()
  }

  /** What the command answers. Throws `InvalidTaskError` for one that there is not, and what the command throws. */
  run(method: string, args: CommandArguments): unknown {
    const command = this.#commands.get(method)
    if (command !== undefined) return command.run(this.#parts.target, args)
    throw new InvalidTaskError(`There is no command "${method}"${didYouMean(method, this.#commands.keys())}`)
  }
}
