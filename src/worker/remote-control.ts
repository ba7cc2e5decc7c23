/** A worker's ear: takes commands from its mailbox and runs them. What each does is `commands/`. */
import { InvalidTaskError } from '../errors.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Connection } from '../transport/transport.ts'
import { didYouMean } from '../util/suggest.ts'
import { commandTable } from './commands/all.ts'
import type { Command, CommandArguments, CommandTarget } from './commands/command.ts'
import type { Component, Undo } from './component.ts'

/** What remote control needs of its worker. */
export interface RemoteControlParts {
  /** Answers leave on it. */
  readonly broker: BrokerConnection
  readonly target: CommandTarget
  readonly commands: readonly Command[]
}

/** Listens on one connection after the other. */
export class RemoteControl implements Component {
  readonly name = 'remote control'
  readonly #parts: RemoteControlParts
  readonly #commands: ReadonlyMap<string, Command>

  constructor(parts: RemoteControlParts) {
    this.#parts = parts
    this.#commands = commandTable(parts.commands)
  }

  /** Take commands on this connection. Answers how to stop; nothing happens where there is no remote control. */
  async attach(connection: Connection): Promise<Undo | undefined> {
    const { broker, target } = this.#parts
    const { app, facts } = target
    if (!app.conf.values.workerEnableRemoteControl || !connection.features.fanout) return undefined
    const node = await app.createMailbox(broker).serve(connection, {
      nodename: facts.hostname,
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
