/**
 * A task that puts other work in its place (`self.replace`), or adds work to the chord that it is a part of
 * (`self.addToChord`). Celery's rules (`celery/app/task.py`).
 */
import { isChain } from '../canvas/chain.ts'
import { isGroup } from '../canvas/group.ts'
import type { Host } from '../canvas/host.ts'
import type { AnySignature } from '../canvas/signature.ts'
import { Ignore, ImproperlyConfigured, TaskError } from '../errors.ts'
import { ACCUMULATE_TASK } from '../protocol/names.ts'
import { signatureData } from '../protocol/signature.ts'
import type { Result } from '../result/result.ts'
import type { TaskRequest } from './request.ts'

/**
 * Send `signature` in the place of the task: with its id, callbacks, errbacks, the rest of its chain and its place in a
 * chord. Rejects with `Ignore`, which ends the task without a result of its own; where there is no message, resolves with
 * the value instead. Throws `ImproperlyConfigured` for what cannot take the place of a task.
 */
export async function replaceTask(host: Host, request: TaskRequest, signature: AnySignature): Promise<unknown> {
  const work = inPlaceOf(host, request, signature)
  if (request.isEager || request.calledDirectly) {
    const result = (await work.apply()) as Result
    return result.get({ disableSyncSubtasks: false })
  }
  await work.applyAsync()
  throw new Ignore('Replaced by new task')
}

/** What is sent in the place of the task. */
export function inPlaceOf(host: Host, request: TaskRequest, given: AnySignature): AnySignature {
  if ('chord' in given.options) {
    throw new ImproperlyConfigured('A signature that takes the place of a task must not be a part of a chord')
  }
  if (isChain(given) && given.tasks.length === 0) {
    throw new ImproperlyConfigured('An empty chain cannot take the place of a task')
  }
  const { callbacks, errbacks, chain, replacedTaskNesting: nesting } = request
  // The results of a group are one value for what follows: so it gets a body, which has links and an id.
  let work = isGroup(given) ? piped(host, given, accumulate(host)) : given.clone()
  for (const callback of callbacks ?? []) work.link(callback)
  for (const errback of errbacks ?? []) work.linkError(errback)
  work.freeze({ taskId: request.id })
  const nested = { replacedTaskNesting: nesting + 1 }
  work.set({
    chord: request.chord ?? undefined,
    groupId: request.group,
    groupIndex: request.groupIndex,
    rootId: request.rootId,
    ...nested,
  })
  if (isChain(work)) for (const task of work.tasks) task.set(nested)
  // The list is reversed on the wire: its last element is the next task. They keep their ids.
  for (const next of [...(chain ?? [])].reverse()) {
    work = piped(host, work, (host.canvas.signature(next) as unknown as AnySignature).set(nested))
  }
  return work
}

/**
 * Add a signature to the chord that the task is a part of, and send it unless `lazy`. Its value stands beside that of the
 * task. Answers the signature with its id. Rejects with `TaskError` for a task that is no part of a chord,
 * `ImproperlyConfigured` where the backend does not count.
 */
export async function addToChord<S extends AnySignature>(
  host: Host,
  request: TaskRequest,
  signature: S,
  lazy: boolean,
): Promise<S> {
  const { chord, group: groupId, groupIndex, rootId } = request
  if (chord === null || groupId === undefined) {
    throw new TaskError(
      `The task ${request.name}[${request.id}] is no part of a chord, so nothing can be added to that`,
    )
  }
  const { chords } = await host.backend()
  if (chords === undefined) {
    throw new ImproperlyConfigured('addToChord() needs a result backend that counts the parts of chords, such as Redis')
  }
  const part = signature.clone().set({ groupId, groupIndex, chord, rootId })
  part.freeze()
  await chords.addParts(groupId, 1)
  if (!lazy) await part.applyAsync()
  return part
}

function piped(host: Host, left: AnySignature, right: AnySignature): AnySignature {
  return host.canvas.pipe(left, right) as unknown as AnySignature
}

function accumulate(host: Host): AnySignature {
  return host.canvas.signature(
    signatureData({ task: ACCUMULATE_TASK, kwargs: { index: 0 } }),
  ) as unknown as AnySignature
}
