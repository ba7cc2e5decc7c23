/** `revoke`: these ids must not run, or with `terminate` must stop running. */
import { InvalidTaskError } from '../../errors.ts'
import type { Command, CommandArguments, CommandTarget } from './command.ts'

/** Takes `task_id` (one or a list), `terminate` and `signal`. */
export const revoke: Command = {
  name: 'revoke',
  kind: 'control',
  run(target, args) {
    const ids = idsOf(args)
    for (const id of ids) target.state.revoked.add(id)
    return args['terminate'] === true
      ? terminate(target, ids, signalOf(args))
      : { ok: `tasks ${list(ids)} flagged as revoked` }
  },
}

function terminate(target: CommandTarget, ids: readonly string[], signal: NodeJS.Signals): unknown {
  const ended: string[] = []
  for (const id of ids) {
    for (const request of target.state.find(id)) if (target.terminate(request.key, signal)) ended.push(id)
  }
  return { ok: ended.length === 0 ? 'terminate: tasks unknown' : `terminate: ${ended.join(', ')}` }
}

function idsOf(args: CommandArguments): string[] {
  const given = args['task_id']
  const ids: unknown[] = Array.isArray(given) ? given : [given]
  if (ids.every((id) => typeof id === 'string')) return ids
  throw new InvalidTaskError('revoke wants a task_id, or a list of them')
}

/** Names with and without `SIG`, as Python's clients send them. */
function signalOf(args: CommandArguments): NodeJS.Signals {
  const given = args['signal']
  if (typeof given !== 'string' || given === '') return 'SIGTERM'
  return (given.startsWith('SIG') ? given : `SIG${given}`) as NodeJS.Signals
}

/** Python's text of a set, for the reply is read by people used to it. */
function list(ids: readonly string[]): string {
  return `{${ids.map((id) => `'${id}'`).join(', ')}}`
}
