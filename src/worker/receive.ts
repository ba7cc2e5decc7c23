/**
 * From message to Request. What is no task message, cannot be decoded, or names a task that is not here ends here:
 * logged, stored where an id is known, and the worker goes on.
 */
import { DecodeError, InvalidTaskError, NotRegistered } from '../errors.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { encodeException } from '../protocol/exception.ts'
import type { Message } from '../protocol/message.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import { FAILURE } from '../protocol/states.ts'
import { decodeTaskBody, decodeTaskHead, decodeTaskV1, encodeTask, isTaskV2 } from '../protocol/task.ts'
import type { TaskHead } from '../protocol/task.ts'
import type { Signals } from '../signals.ts'
import { ALL_HIDDEN, hideArguments } from '../task/hidden.ts'
import type { ShownArguments } from '../task/hidden.ts'
import type { TaskRegistry } from '../task/registry.ts'
import type { TaskDefinition } from '../task/task.ts'
import { Request } from './request.ts'
import type { RequestParts } from './request.ts'

/** What is needed to read messages. */
export interface ReceiveParts extends RequestParts {
  readonly tasks: TaskRegistry
  readonly signals: Signals
  /** The IANA zone of times without an offset (`timezone`). */
  readonly zone: string
  /** Is this content type in the accept list? */
  readonly accepts: (contentType: string) => boolean
  /** A decoded v1 call in the form that children read. */
  readonly encode: (body: unknown) => Pick<Message, 'body' | 'contentType' | 'contentEncoding'>
}

/** A request for this message, or undefined when it was dealt with here. */
export function receive(message: IncomingMessage, parts: ReceiveParts): Request | undefined {
  try {
    refuseContent(message, parts)
    const { head, incoming } = isTaskV2(message.message.headers)
      ? { head: decodeTaskHead(message.message.headers, message.message.properties, parts.zone), incoming: message }
      : modernize(message, parts)
    const definition = parts.tasks.definition(head.name)
    if (definition === undefined) {
      settle(onUnknownTask(head, message, parts), parts)
      return undefined
    }
    const shown = definition.options.hideArgs === undefined ? undefined : shownOf(definition, incoming, parts)
    if (shown === undefined) return new Request(head, definition, incoming, parts)
    return new Request({ ...head, ...shown }, definition, withTexts(incoming, shown), parts)
  } catch (error) {
    settle(onBadMessage(message, parts, error), parts)
    return undefined
  }
}

function refuseContent({ message }: IncomingMessage, parts: ReceiveParts): void {
  if (parts.accepts(message.contentType)) return
  throw new InvalidTaskError(
    `content of type ${message.contentType} is not accepted; add its serializer to the setting acceptContent to allow it`,
  )
}

/** A message of protocol 1 has all in its body: read it, and go on as if it had come in protocol 2. */
function modernize(message: IncomingMessage, parts: ReceiveParts): { head: TaskHead; incoming: IncomingMessage } {
  const { properties } = message.message
  const { head, args, kwargs, embed } = decodeTaskV1(parts.decode(message.message), properties, {
    headers: message.message.headers,
    zone: parts.zone,
  })
  const { headers, body } = encodeTask({
    id: head.id,
    name: head.name,
    args,
    kwargs,
    eta: head.etaMs,
    expires: head.expiresMs,
    retries: head.retries,
    groupId: head.group,
    groupIndex: head.groupIndex,
    timeLimit: head.timelimit[0],
    softTimeLimit: head.timelimit[1],
    origin: head.origin ?? '',
    callbacks: embed.callbacks ?? undefined,
    errbacks: embed.errbacks ?? undefined,
    chord: embed.chord ?? undefined,
    replyTo: properties.reply_to,
  })
  return { head, incoming: message.withMessage({ ...parts.encode(body), headers, properties }) }
}

/** What the task hides was not hidden by a sender that does not know the task. */
function shownOf(
  definition: TaskDefinition,
  { message }: IncomingMessage,
  { decode }: ReceiveParts,
): ShownArguments | undefined {
  try {
    const { args, kwargs } = decodeTaskBody(decode(message))
    return hideArguments(definition, args, kwargs)
  } catch {
    // Why it cannot be read is told where it is to run.
    return ALL_HIDDEN
  }
}

function withTexts(incoming: IncomingMessage, shown: ShownArguments): IncomingMessage {
  const { message } = incoming
  return incoming.withMessage({ ...message, headers: { ...message.headers, ...shown } })
}

async function onUnknownTask(head: TaskHead, message: IncomingMessage, parts: ReceiveParts): Promise<void> {
  const error = new NotRegistered(head.name)
  parts.logger.error(
    `Received unregistered task of type ${JSON.stringify(head.name)}: the message ${head.id} is rejected. ` +
      'Is the module that defines it among the app\'s "include"?',
  )
  await storeFailure(head.id, error, message, parts)
  await message.reject({ requeue: false })
  const facts = { taskId: head.id, task: head.name, headers: message.message.headers }
  await parts.signals.send('task-unknown', { ...facts, exception: error })
}

async function onBadMessage(message: IncomingMessage, parts: ReceiveParts, thrown: unknown): Promise<void> {
  const { headers, contentType } = message.message
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const id = typeof headers['id'] === 'string' ? headers['id'] : undefined
  const from = `queue ${message.deliveryInfo.routing_key}, content type ${contentType}${id === undefined ? '' : `, id ${id}`}`
  parts.logger.critical(`Received a message that is no task (${from}): ${error.message}`)
  if (id !== undefined) await storeFailure(id, error, message, parts)
  // What cannot be decoded would not be decodable the next time either; the rest may interest a dead-letter queue.
  if (thrown instanceof DecodeError) await message.ack()
  else await message.reject({ requeue: false })
  const facts = { taskId: id ?? '', task: typeof headers['task'] === 'string' ? headers['task'] : '', headers }
  await parts.signals.send('task-rejected', { ...facts, reason: error.message })
}

async function storeFailure(
  taskId: string,
  error: Error,
  { message }: IncomingMessage,
  parts: ReceiveParts,
): Promise<void> {
  const fields = { taskId, status: FAILURE, result: encodeException(error), traceback: undefined, children: [] }
  const result = parts.backend.encodeResult(encodeTaskMeta(fields, parts.clock.now()))
  const unstored = await new Promise<Error | undefined>((written) => {
    parts.results.write(result, message.properties, { written })
  })
  if (unstored !== undefined) throw unstored
}

/** Ending a bad message may itself fail, for want of a broker: it then comes again. */
function settle(ending: Promise<void>, parts: ReceiveParts): void {
  ending.catch((error: unknown) => {
    parts.logger.error('A message that was refused could not be acknowledged and will come again', { error })
  })
}
