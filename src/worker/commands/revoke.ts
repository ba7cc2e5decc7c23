/**
 * Commands that take tasks back: `revoke` by id, `revoke_by_stamped_headers`, `terminate`. A task that has not started is
 * dropped when it comes, or when its turn comes; with `terminate`, one that runs is ended.
 */
import { storeResult } from '../../backend/storing.ts'
import { NoResultBackend, TaskRevokedError } from '../../errors.ts'
import { encodeException } from '../../protocol/exception.ts'
import { encodeTaskMeta } from '../../protocol/result.ts'
import { READY_STATES, REVOKED } from '../../protocol/states.ts'
import type { Request } from '../request.ts'
import { flag, headers, signal, texts } from './arguments.ts'
import type { Command, CommandTarget } from './command.ts'

const revoke: Command = {
  name: 'revoke',
  kind: 'control',
  variadic: 'task_id',
  signature: '[id1 [id2 [... [idN]]]]',
  help: 'Drop tasks by their ids.',
  run: async (worker, args) => {
    const ids = [...new Set(texts(args, 'task_id'))]
    if (flag(args, 'terminate')) return terminateAll(worker, ids, signal(args, 'signal'))
    await revokeAll(worker, ids)
    return { ok: `tasks ${pythonSet(ids)} flagged as revoked` }
  },
}

const terminate: Command = {
  name: 'terminate',
  kind: 'control',
  args: [{ name: 'signal' }],
  variadic: 'task_id',
  signature: '<signal> [id1 [id2 [... [idN]]]]',
  help: 'Drop tasks by their ids, and end those that run with this signal (TERM, KILL ...).',
  run: (worker, args) => terminateAll(worker, [...new Set(texts(args, 'task_id'))], signal(args, 'signal')),
}

const revokeByStampedHeaders: Command = {
  name: 'revoke_by_stamped_headers',
  kind: 'control',
  variadic: 'headers',
  signature: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
  help: 'Drop tasks that are stamped with one of these values.',
  run: (worker, args) => {
    const { revokedStamps, active } = worker.state
    const wanted = headers(args, 'headers')
    for (const [stamp, values] of wanted) revokedStamps.add(stamp, values)
    const shown = pythonDictionary(wanted)
    if (!flag(args, 'terminate')) return { ok: `headers ${shown} flagged as revoked, but not terminated` }
    const chosen = [...active.values()].filter(({ head }) => revokedStamps.matches(head))
    if (chosen.length === 0) return { ok: `headers ${shown} were not terminated` }
    for (const request of chosen) request.terminate(signal(args, 'signal'))
    return { ok: `headers ${shown} revoked` }
  },
}

/** All of them. */
export const revokeCommands: readonly Command[] = [revoke, terminate, revokeByStampedHeaders]

/** Answers Celery's words: those that this worker knows. */
async function terminateAll(worker: CommandTarget, ids: readonly string[], with_: NodeJS.Signals): Promise<unknown> {
  for (const id of ids) worker.state.revoked.add(id)
  const known = ids.flatMap((id) => worker.state.find(id))
  for (const request of known) request.terminate(with_)
  await markRevoked(
    worker,
    ids.filter((id) => !worker.state.find(id).some(runs)),
  )
  const named = [...new Set(known.map(({ head }) => head.id))]
  return { ok: named.length === 0 ? 'terminate: tasks unknown' : `terminate: ${named.join(', ')}` }
}

async function revokeAll(worker: CommandTarget, ids: readonly string[]): Promise<void> {
  for (const id of ids) worker.state.revoked.add(id)
  worker.app.logger.info(`Tasks flagged as revoked: ${ids.join(', ')}`)
  await markRevoked(
    worker,
    ids.filter((id) => !worker.state.find(id).some(runs)),
  )
}

/**
 * Tell the result backend at once, for whoever waits: the message itself may lie in its queue for long. What has ended
 * keeps its end, and what runs here goes on.
 */
async function markRevoked({ app }: CommandTarget, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  try {
    const backend = await app.backend()
    const known = await backend.getMetas(ids)
    const open = ids.filter((id) => !READY_STATES.has(known.get(id)?.status ?? ''))
    const result = encodeException(new TaskRevokedError('revoked'))
    const nowMs = app.clock.now()
    await Promise.all(
      open.map((taskId) => {
        const meta = encodeTaskMeta({ taskId, status: REVOKED, result, traceback: undefined, children: [] }, nowMs)
        return storeResult(backend, backend.encodeResult(meta))
      }),
    )
  } catch (error) {
    if (!(error instanceof NoResultBackend)) app.logger.warning('Revoked tasks could not be stored as such', { error })
  }
}

function runs({ startedMs }: Request): boolean {
  return startedMs !== undefined
}

/** Python's text of a set, for replies are read by people used to it. */
function pythonSet(ids: readonly string[]): string {
  return ids.length === 0 ? 'set()' : `{${ids.map((id) => `'${id}'`).join(', ')}}`
}

function pythonDictionary(wanted: ReadonlyMap<string, readonly unknown[]>): string {
  const entries = [...wanted].map(
    ([key, values]) => `'${key}': [${values.map((value) => `'${String(value)}'`).join(', ')}]`,
  )
  return `{${entries.join(', ')}}`
}
