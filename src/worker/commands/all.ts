/** The table of commands: those of this package, and users' own. */
import { ImproperlyConfigured } from '../../errors.ts'
import type { Command } from './command.ts'
import { eventCommands } from './events.ts'
import { inspectCommands } from './inspect.ts'
import { limitCommands } from './limits.ts'
import { createMemoryCommands } from './memory.ts'
import { neighbourCommands } from './neighbours.ts'
import { poolCommands } from './pool.ts'
import { queueCommands } from './queues.ts'
import { revokeCommands } from './revoke.ts'
import { stats } from './stats.ts'
import { workerCommands } from './worker.ts'

const KINDS: readonly string[] = ['inspect', 'control'] satisfies Command['kind'][]

/** All that there are. */
export function createCommands(own: readonly Command[] = []): readonly Command[] {
  return [
    ...workerCommands,
    ...inspectCommands,
    stats,
    ...createMemoryCommands(),
    ...revokeCommands,
    ...limitCommands,
    ...poolCommands,
    ...queueCommands,
    ...eventCommands,
    ...neighbourCommands,
    ...own,
  ]
}

/** By name and alias; a user's own stands for one of ours of the same name. */
export function commandTable(commands: readonly Command[]): ReadonlyMap<string, Command> {
  return new Map([
    ...commands.flatMap((command) => (command.aliases ?? []).map((alias) => [alias, command] as const)),
    ...commands.map((command) => [command.name, command] as const),
  ])
}

/** Throws `ImproperlyConfigured` for a command that cannot be. */
export function checkCommand(command: Command): Command {
  const { name, kind } = command
  if (typeof name !== 'string' || !/^\w[\w-]*$/.test(name)) {
    throw new ImproperlyConfigured(`A command needs a name of letters, digits and _, not ${JSON.stringify(name)}`)
  }
  if (!KINDS.includes(kind)) {
    throw new ImproperlyConfigured(`The command "${name}" needs a kind: "inspect" if it only looks, else "control"`)
  }
  if (typeof command.run === 'function') return command
  throw new ImproperlyConfigured(`The command "${name}" needs a function "run"`)
}
