/** The table of commands. */
import type { Command } from './command.ts'
import { revoke } from './revoke.ts'

const ping: Command = { name: 'ping', kind: 'inspect', run: () => ({ ok: 'pong' }) }

const shutdown: Command = {
  name: 'shutdown',
  kind: 'control',
  run(target) {
    target.shutdown()
    return undefined
  },
}

/** Commands by name. */
export function createCommands(): ReadonlyMap<string, Command> {
  return new Map([ping, revoke, shutdown].map((command) => [command.name, command]))
}
