/** Arguments that nobody is to read in events, logs and replies (`hideArgs` of a task): what is shown in their place. */
import { reprArgs, reprKwargs } from '../util/repr.ts'
import type { TaskDefinition } from './task.ts'

/** As Celery's documentation has it. */
const MASK = '***'

/** The texts of the arguments in a message's headers. */
export interface ShownArguments {
  readonly argsrepr: string
  readonly kwargsrepr: string
}

/** What is shown of a call's arguments; undefined where nothing is hidden. */
export function hideArguments(
  { options: { hideArgs = false }, parameters: { names } }: Pick<TaskDefinition, 'options' | 'parameters'>,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): ShownArguments | undefined {
  if (hideArgs === false) return undefined
  const hides = (name: string | undefined): boolean =>
    hideArgs === true || (name !== undefined && hideArgs.includes(name))
  const shown = args.map((value, place) => (hides(names[place]) ? MASK : value))
  const named = Object.entries(kwargs).map(([name, value]): [string, unknown] => [name, hides(name) ? MASK : value])
  return { argsrepr: reprArgs(shown), kwargsrepr: reprKwargs(Object.fromEntries(named)) }
}

/** What is shown of arguments that cannot be read. */
export const ALL_HIDDEN: ShownArguments = { argsrepr: `('${MASK}',)`, kwargsrepr: `{'${MASK}': '${MASK}'}` }
