/**
 * Remote control's post (kombu's `pidbox`): a client broadcasts a command to all nodes and gathers their replies, a node
 * takes commands and answers. Which commands there are is `worker/commands/`; their form is `protocol/control.ts`.
 */
import {
  concernsNode,
  decodeControlHead,
  decodeControlReply,
  decodeControlRequest,
  encodeControlHead,
  encodeControlReply,
  encodeControlRequest,
} from '../protocol/control.ts'
import type { ControlRequest, Matcher, ReplyAddress } from '../protocol/control.ts'
import type { Message } from '../protocol/message.ts'
import { pidboxExchange, pidboxQueue, replyExchange, replyQueue } from '../protocol/names.ts'
import type { Channel, Connection, Publication } from '../transport/transport.ts'
import { pause } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { uuid7 } from '../util/uuid.ts'
import type { BrokerConnection } from './connection.ts'
import { Consumer } from './consumer.ts'
import type { IncomingMessage } from './consumer.ts'
import { createExchange, declareExchange } from './exchange.ts'
import type { Exchange, ExchangeOptions } from './exchange.ts'
import { createQueue } from './queue.ts'
import type { Queue, QueueOptions } from './queue.ts'

/** Celery's logical clock: it only grows, and follows the highest that is heard of. */
export interface LogicalClock {
  /** One step on; answers the new time. */
  forward(): number
  /** Another process's time was heard of. */
  adjust(other: number): void
}

export interface MailboxOptions {
  /** For commands and their replies. */
  readonly connection: BrokerConnection
  readonly logger: Logger
  readonly clock: Clock
  readonly logicalClock: LogicalClock
  /** What exchanges and queues are named after (`controlExchange`). Default `celery`. */
  readonly namespace?: string
  /** How long commands wait for a node, in seconds (`controlQueueTtl`). Default 300. */
  readonly queueTtl?: number
  /** How long a node's or client's queue stays when it is gone, in seconds (`controlQueueExpires`). Default 10. */
  readonly queueExpires?: number
  /** A node's queue is its alone (`controlQueueExclusive`). Default false. */
  readonly queueExclusive?: boolean
  /** A value to an encoded body, as tasks are encoded. */
  readonly encode: (value: unknown) => Pick<Message, 'body' | 'contentType' | 'contentEncoding'>
  /** Throws where the content type is not accepted or the body cannot be read. */
  readonly decode: (message: Message) => unknown
}

/** A command to some nodes, or to all. */
export interface Command {
  readonly method: string
  readonly arguments?: Readonly<Record<string, unknown>>
  /** Names of the nodes that are meant; default all. */
  readonly destination?: readonly string[]
  /** Nodes whose name matches, together with `matcher`. */
  readonly pattern?: string
  /** How the pattern is read. Default `glob`. */
  readonly matcher?: Matcher
}

/** A command, and how its replies are gathered. */
export interface Question extends Command {
  /** For how long, in milliseconds. Default 1000. */
  readonly timeoutMs?: number
  /**
   * Stop after so many. Default: as many as there are destinations; where all are meant, as many as the broker has reached,
   * if it counts.
   */
  readonly limit?: number
  /** Called with each reply as it comes. */
  readonly onReply?: (reply: Reply) => void
  /** Gives up: rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What one node answered, under its name. */
export type Reply = Readonly<Record<string, unknown>>

/** A node: whom commands reach, and what it does with them. */
export interface NodeOptions {
  readonly nodename: string
  /** The answer, or a promise of it; undefined sends none. Throwing answers `{ error }`. */
  readonly handle: (method: string, args: Readonly<Record<string, unknown>>) => unknown
}

/** A node that takes commands. */
export interface MailboxNode {
  /** Takes no more. Resolves when the last answers have left. May be called twice. */
  stop(): Promise<void>
}

const DEFAULT_TTL = 300
const DEFAULT_EXPIRES = 10
const DEFAULT_TIMEOUT_MS = 1000
/** The broker has done its own part of a question by then, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000
/** As kombu sends them. */
const PERSISTENT = 2

export class Mailbox {
  readonly #options: MailboxOptions
  readonly #exchange: Exchange
  readonly #replyExchange: Exchange

  constructor(options: MailboxOptions) {
    this.#options = options
    const passing = { durable: false, deliveryMode: 1 } as const
    this.#exchange = createExchange({ name: pidboxExchange(options.namespace), type: 'fanout', ...passing })
    this.#replyExchange = createExchange({ name: replyExchange(options.namespace), type: 'direct', ...passing })
  }

  /** Send a command and wait for no replies. Rejects with `OperationalError`. */
  async broadcast(command: Command): Promise<void> {
    await this.#options.connection.withChannel((channel) => this.#send(channel, command, {}))
  }

  /** Send a command and gather replies until the time is over or there are enough. Rejects with `OperationalError`. */
  async ask(question: Question): Promise<Reply[]> {
    const timeoutMs = ANSWER_TIMEOUT_MS + (question.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    return this.#options.connection.withChannel((channel) => this.#sendAndGather(channel, question), { timeoutMs })
  }

  /** Take commands on this connection from now on. It ends with `stop()`, or with the connection. */
  async serve(connection: Connection, options: NodeOptions): Promise<MailboxNode> {
    const channel = await connection.openChannel()
    const answers = new Set<Promise<void>>()
    const consumer = new Consumer({
      channel,
      logger: this.#options.logger,
      noAck: true,
      onMessages: (messages) => {
        for (const message of messages) {
          const answer = this.#answer(channel, message, options)
          answers.add(answer)
          void answer.then(() => answers.delete(answer))
        }
      },
    })
    await consumer.addQueue(this.#nodeQueue(options.nodename))
    return {
      stop: async () => {
        await consumer.stop()
        await Promise.all(answers)
        await channel.close()
      },
    }
  }

  async #sendAndGather(channel: Channel, question: Question): Promise<Reply[]> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = question
    let limit = question.limit ?? question.destination?.length ?? Infinity
    const address: ReplyAddress = { exchange: this.#replyExchange.name, routingKey: uuid7() }
    const ticket = uuid7()
    const enough = new AbortController()
    const replies: Reply[] = []
    const consumer = new Consumer({
      channel,
      logger: this.#options.logger,
      queues: [this.#replyQueue(address.routingKey)],
      noAck: true,
      onMessages: (messages) => {
        for (const message of messages) {
          const reply = this.#readReply(message, ticket)
          if (reply === undefined || replies.length >= limit) continue
          replies.push(reply)
          question.onReply?.(reply)
        }
        if (replies.length >= limit) enough.abort()
      },
    })
    await consumer.start()
    const reached = await this.#send(channel, question, { ticket, replyTo: address, timeoutMs })
    // Of those who look at a pattern, it is not known how many it means.
    if (question.pattern === undefined || reached === 0) limit = Math.min(limit, reached ?? Infinity)
    if (replies.length >= limit) enough.abort()
    await pause(this.#options.clock, timeoutMs, enough.signal, signal)
    await consumer.stop()
    signal?.throwIfAborted()
    return replies
  }

  /** Answers how many nodes it has reached; undefined where the broker does not count. */
  async #send(
    channel: Channel,
    command: Command,
    reply: { readonly ticket?: string; readonly replyTo?: ReplyAddress; readonly timeoutMs?: number },
  ): Promise<number | undefined> {
    const { ticket, replyTo, timeoutMs } = reply
    const request: ControlRequest = {
      method: command.method,
      arguments: command.arguments ?? {},
      destination: command.destination,
      pattern: command.pattern,
      matcher: command.matcher ?? (command.pattern === undefined ? undefined : 'glob'),
      ticket,
      replyTo,
    }
    const expires = timeoutMs === undefined ? undefined : (this.#options.clock.now() + timeoutMs) / 1000
    await declareExchange(channel, this.#exchange)
    return channel.broadcast(this.#publication(this.#exchange.name, '', encodeControlRequest(request), { expires }))
  }

  /** Deal with one message of a node's queue. Never rejects. */
  async #answer(channel: Channel, message: IncomingMessage, node: NodeOptions): Promise<void> {
    try {
      this.#options.logicalClock.adjust(decodeControlHead(message.message.headers).clock)
      const request = decodeControlRequest(this.#options.decode(message.message))
      if (!concernsNode(request, node.nodename)) return
      const answer = await this.#run(request, node)
      if (request.replyTo === undefined || answer === undefined) return
      await this.#reply(channel, request, request.replyTo, encodeControlReply(node.nodename, answer))
    } catch (error) {
      this.#options.logger.error('A remote control command was not understood or could not be answered', { error })
    }
  }

  async #run(request: ControlRequest, node: NodeOptions): Promise<unknown> {
    try {
      return await node.handle(request.method, request.arguments)
    } catch (error) {
      this.#options.logger.error(`Remote control command ${request.method} failed`, { error })
      return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
    }
  }

  async #reply(channel: Channel, request: ControlRequest, to: ReplyAddress, body: unknown): Promise<void> {
    // Another exchange is the asker's to declare; declaring it differently would be an error.
    if (to.exchange === this.#replyExchange.name) await declareExchange(channel, this.#replyExchange)
    await channel.basicPublish([this.#publication(to.exchange, to.routingKey, body, { ticket: request.ticket ?? '' })])
  }

  /** Undefined where the reply belongs to another request, came too late or cannot be read. */
  #readReply(message: IncomingMessage, ticket: string): Reply | undefined {
    const { clock, logger, logicalClock, decode } = this.#options
    const head = decodeControlHead(message.message.headers)
    logicalClock.adjust(head.clock)
    if (head.ticket !== ticket) return undefined
    if (head.expires !== undefined && head.expires * 1000 < clock.now()) return undefined
    try {
      return Object.fromEntries(decodeControlReply(decode(message.message)))
    } catch (error) {
      logger.error('A remote control reply could not be read', { error })
      return undefined
    }
  }

  #publication(
    exchange: string,
    routingKey: string,
    body: unknown,
    head: { readonly ticket?: string | undefined; readonly expires?: number | undefined },
  ): Publication {
    const headers = encodeControlHead({ clock: this.#options.logicalClock.forward(), ...head })
    const properties = { delivery_mode: PERSISTENT, priority: 0 }
    return { exchange, routingKey, message: { ...this.#options.encode(body), headers, properties } }
  }

  #nodeQueue(nodename: string): Queue {
    return this.#queue({
      name: pidboxQueue(nodename, this.#options.namespace),
      exchange: exchangeOptions(this.#exchange),
      exclusive: this.#options.queueExclusive ?? false,
      onDeclared: (status) => {
        if (status.consumers === 0) return
        this.#options.logger.warning(
          `A node named ${nodename} is already using this process mailbox: give each node a name of its own`,
        )
      },
    })
  }

  #replyQueue(oid: string): Queue {
    return this.#queue({
      name: replyQueue(oid, this.#options.namespace),
      exchange: exchangeOptions(this.#replyExchange),
      routingKey: oid,
      exclusive: true,
    })
  }

  #queue(options: QueueOptions): Queue {
    const { queueTtl = DEFAULT_TTL, queueExpires = DEFAULT_EXPIRES } = this.#options
    return createQueue({ durable: false, autoDelete: true, messageTtl: queueTtl, expires: queueExpires, ...options })
  }
}

function exchangeOptions({ name, type, durable }: Exchange): ExchangeOptions {
  return { name, type, durable }
}
