/**
 * `rpc://`: results are messages to the queue of the process that called the task, and only that process can read them.
 * The worker's side is a producer; the caller's side are an inbox (`rpc/inbox.ts`) and what fills it (`rpc/reader.ts`).
 */
import { BackendError, BackendGetMetaError, BackendStoreError, ImproperlyConfigured } from '../errors.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import { isOperational } from '../messaging/failure.ts'
import { Producer } from '../messaging/producer.ts'
import type { RetryPolicy } from '../messaging/producer.ts'
import { createQueue } from '../messaging/queue.ts'
import type { Message } from '../protocol/message.ts'
import { encodeReply } from '../protocol/reply.ts'
import { decodeTaskMeta } from '../protocol/result.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import { SUCCESS } from '../protocol/states.ts'
import { asError } from '../util/as-error.ts'
import type {
  BackendContext,
  BackendFactory,
  BackendFeatures,
  EncodedResult,
  Replies,
  ResultBackend,
  StoringResult,
  Watch,
} from './backend.ts'
import { encodeTaskDocument } from './documents.ts'
import { ReplyInbox } from './rpc/inbox.ts'
import { ReplyReader } from './rpc/reader.ts'

const FEATURES: BackendFeatures = { persistent: false, shared: false, autoExpire: true }
/** Celery's, for results that cannot be sent at once. */
const RETRY_POLICY: RetryPolicy = { maxRetries: 20, intervalStart: 0, intervalStep: 1, intervalMax: 1 }

/** For `rpc://`. */
export const rpcBackend: BackendFactory = {
  name: 'rpc',
  sendsReplies: true,
  open: async (_url, options, context) => {
    const [unknown] = Object.keys(options)
    if (unknown !== undefined) {
      throw new ImproperlyConfigured(`The rpc result backend has no options; remove "${unknown}"`)
    }
    return new RpcBackend(context)
  },
}

class RpcBackend implements ResultBackend {
  readonly features: BackendFeatures = FEATURES
  readonly displayUrl = 'rpc://'
  readonly chordsRefused = 'rpc:// sends them to the caller and keeps none; use Redis or SQLite'
  readonly replies: Replies
  readonly #context: BackendContext
  readonly #inbox: ReplyInbox
  readonly #reader: ReplyReader
  #writer: { readonly connection: BrokerConnection; readonly producer: Producer } | undefined
  /** The reply queue may be there. */
  #isAsked = false
  #closed: Promise<void> | undefined

  constructor(context: BackendContext) {
    const { logger, clock, replyTo, resultExpiresMs, connect } = context
    const queue = createQueue({
      name: replyTo,
      // Celery's queue goes with its consumer, and with it what comes while that connects again. Ours stays meanwhile; it
      // is deleted at the end, and expires where the process did not live to do so.
      autoDelete: false,
      ...(resultExpiresMs === undefined ? {} : { expires: resultExpiresMs / 1000 }),
    })
    this.#context = context
    this.#inbox = new ReplyInbox({ logger, clock, expiresMs: resultExpiresMs })
    this.#reader = new ReplyReader({
      broker: connect('read'),
      queue,
      logger,
      clock,
      onReply: (message) => {
        this.#take(message)
      },
      isAwaited: () => this.#inbox.isWatched,
      onFailed: (error) => {
        this.#inbox.endAll(notReached(error))
      },
    })
    this.replies = {
      queue,
      expect: (taskIds) => {
        this.#isAsked = true
        this.#inbox.expect(taskIds)
        return undefined
      },
    }
  }

  encodeResult(meta: TaskMeta): EncodedResult {
    return encodeTaskDocument(this.#context.serializer, meta)
  }

  async storeResult(storing: StoringResult): Promise<void> {
    const { result, to = {} } = storing
    const { taskId, status, body } = result
    const { reply_to: routingKey, correlation_id: correlationId = taskId } = to
    // Nobody wants to know.
    if (routingKey === undefined || routingKey === '') return
    const { serializer, resultPersistent } = this.#context
    const { contentType, contentEncoding } = serializer
    const message = encodeReply({ body, contentType, contentEncoding }, correlationId, resultPersistent)
    try {
      await this.#openWriter().publish([{ exchange: '', routingKey, message }], { retryPolicy: RETRY_POLICY })
    } catch (cause) {
      const reason = `The result of task ${taskId} could not be sent: ${asError(cause).message}`
      storing.error = new BackendStoreError(reason, taskId, status, { cause })
    }
  }

  async getMeta(taskId: string): Promise<TaskMeta | undefined> {
    return (await this.getMetas([taskId])).get(taskId)
  }

  async getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const [unsure] = taskIds.filter((taskId) => this.#inbox.read(taskId)?.status !== SUCCESS)
    if (unsure !== undefined) await this.#catchUp(unsure)
    const metas = new Map<string, TaskMeta>()
    for (const taskId of taskIds) {
      const meta = this.#inbox.read(taskId)
      if (meta !== undefined) metas.set(taskId, meta)
      else if (!this.#inbox.concerns(taskId)) throw calledElsewhere(taskId)
    }
    return metas
  }

  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    const watch = this.#inbox.watch(taskIds, onMeta, onError)
    this.#awaitReplies(taskIds).catch((error: unknown) => {
      this.#inbox.end(watch, asError(error))
    })
    return watch
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    // Also what has come and was not taken yet.
    const [taskId] = taskIds
    if (taskId !== undefined) await this.#catchUp(taskId)
    this.#inbox.forget(taskIds)
  }

  async saveGroup(): Promise<void> {
    throw noGroups()
  }

  async restoreGroup(): Promise<GroupMeta | undefined> {
    throw noGroups()
  }

  async deleteGroup(): Promise<void> {
    throw noGroups()
  }

  async cleanup(): Promise<number> {
    return this.#inbox.expire(this.#context.clock.now())
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#inbox.endAll(new BackendError(`${this.displayUrl} was closed`))
    try {
      await this.#writer?.producer.close()
    } catch (error) {
      // Its channel went with a lost connection. Whoever stored was told.
      if (!isOperational(error)) throw error
    } finally {
      await this.#writer?.connection.close()
      await this.#reader.stop({ remove: this.#isAsked })
    }
  }

  /** The connection on which results are sent: a worker needs no other. */
  #openWriter(): Producer {
    if (this.#writer === undefined) {
      const connection = this.#context.connect('write')
      this.#writer = { connection, producer: new Producer({ connection, clock: this.#context.clock }) }
    }
    return this.#writer.producer
  }

  /** Make sure that the replies to these tasks come. Rejects where none can. */
  async #awaitReplies(taskIds: readonly string[]): Promise<void> {
    this.#isAsked = true
    const concerns = (taskId: string): boolean => this.#inbox.concerns(taskId)
    try {
      if (taskIds.some(concerns)) await this.#reader.start()
      else await this.#reader.catchUp()
    } catch (error) {
      throw notReached(asError(error))
    }
    const [taskId] = taskIds
    if (taskId !== undefined && !taskIds.some(concerns)) throw calledElsewhere(taskId)
  }

  async #catchUp(taskId: string): Promise<void> {
    this.#isAsked = true
    try {
      await this.#reader.catchUp()
    } catch (cause) {
      throw new BackendGetMetaError(notReached(asError(cause)).message, taskId, { cause })
    }
  }

  #take(message: Message): void {
    try {
      const meta = decodeTaskMeta(this.#context.decodeResult(message))
      this.#inbox.put(meta.task_id, meta)
    } catch (cause) {
      const taskId = message.properties.correlation_id ?? ''
      const error = new BackendGetMetaError(
        `The result of task ${taskId} cannot be read: ${asError(cause).message}`,
        taskId,
        { cause },
      )
      this.#context.logger.error(error.message)
      this.#inbox.put(taskId, error)
    }
  }
}

function notReached(cause: Error): BackendError {
  return new BackendError(`The queue that results come back through cannot be had: ${cause.message}`, { cause })
}

function calledElsewhere(taskId: string): BackendGetMetaError {
  return new BackendGetMetaError(
    `The task ${taskId} was not called by this process: with rpc:// results go back to the process that made the call, ` +
      'and only that can read them. Use a result backend that all processes share, such as redis',
    taskId,
  )
}

function noGroups(): BackendError {
  return new BackendError(
    'The result backend rpc:// saves no groups, for its results are messages; use one that stores them, such as redis',
  )
}
