/** What a running task knows of its own message (`task.request`). Reads through to the decoded headers; owns nothing. */
import type { SignatureData } from '../protocol/signature.ts'
import type { Headers, Properties } from '../protocol/message.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'

/** Where the message came from, under the wire's names. */
export interface RequestDeliveryInfo {
  readonly exchange: string
  readonly routing_key: string
  readonly priority: number | null
  readonly redelivered: boolean
}

/** What a request reads through to. */
export interface RequestFields {
  readonly head: TaskHead
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: TaskEmbed
  readonly properties: Properties
  readonly deliveryInfo: RequestDeliveryInfo
  /** The worker's node name. */
  readonly hostname: string
  readonly isEager: boolean
  /** The function was called like a function. */
  readonly calledDirectly: boolean
}

/** The request that a task works on: `self.request`. */
export class TaskRequest {
  readonly #fields: RequestFields

  constructor(fields: RequestFields) {
    this.#fields = fields
  }

  /** The request of a task that is called like a function. */
  static direct(name: string, id: string, args: readonly unknown[], hostname: string): TaskRequest {
    return new TaskRequest({
      head: bareHead(name, id),
      args,
      kwargs: {},
      embed: NO_EMBED,
      properties: {},
      deliveryInfo: { exchange: '', routing_key: '', priority: null, redelivered: false },
      hostname,
      isEager: false,
      calledDirectly: true,
    })
  }

  /** The task's id; the same in each attempt. */
  get id(): string {
    return this.#fields.head.id
  }
  /** The task's name. */
  get name(): string {
    return this.#fields.head.name
  }
  /** Positional arguments, as they were sent. */
  get args(): readonly unknown[] {
    return this.#fields.args
  }
  /** Named arguments, as they were sent. */
  get kwargs(): Readonly<Record<string, unknown>> {
    return this.#fields.kwargs
  }
  /** How often it was tried before. */
  get retries(): number {
    return this.#fields.head.retries
  }
  /** ISO 8601 text, as it came. */
  get eta(): string | undefined {
    return this.#fields.head.eta
  }
  /** ISO 8601 text, as it came. */
  get expires(): string | undefined {
    return this.#fields.head.expires
  }
  /** The task runs in its caller's process, at once. */
  get isEager(): boolean {
    return this.#fields.isEager
  }
  /** The task was called like a function: there is no message at all. */
  get calledDirectly(): boolean {
    return this.#fields.calledDirectly
  }
  /** The worker's node name. */
  get hostname(): string {
    return this.#fields.hostname
  }
  /** Where the message came from. */
  get deliveryInfo(): RequestDeliveryInfo {
    return this.#fields.deliveryInfo
  }
  /** The message's properties, under the wire's names. */
  get properties(): Properties {
    return this.#fields.properties
  }
  /** Custom headers: those that are no part of the protocol. */
  get headers(): Readonly<Headers> {
    return this.#fields.head.custom
  }
  /** The task that made this call. */
  get parentId(): string | undefined {
    return this.#fields.head.parentId
  }
  /** The task that began the work-flow; this one where it began it. */
  get rootId(): string {
    return this.#fields.head.rootId ?? this.#fields.head.id
  }
  /** The id of the group that it is a part of. */
  get group(): string | undefined {
    return this.#fields.head.group
  }
  /** Its place in that group, from 0. */
  get groupIndex(): number | undefined {
    return this.#fields.head.groupIndex
  }
  /** The body of the chord that it is a part of. */
  get chord(): SignatureData | null {
    return this.#fields.embed.chord
  }
  /** Called with the result when it succeeds. */
  get callbacks(): readonly SignatureData[] | null {
    return this.#fields.embed.callbacks
  }
  /** Called when it fails. */
  get errbacks(): readonly SignatureData[] | null {
    return this.#fields.embed.errbacks
  }
  /** The rest of the chain, reversed: the last element comes next. */
  get chain(): readonly SignatureData[] | null {
    return this.#fields.embed.chain
  }
  /** The message's `correlation_id`: the task's id, as a rule. */
  get correlationId(): string | undefined {
    return this.#fields.properties.correlation_id
  }
  /** Where the caller waits for replies. */
  get replyTo(): string | undefined {
    return this.#fields.properties.reply_to
  }
  /** Seconds, hard limit first. */
  get timelimit(): readonly [number | undefined, number | undefined] {
    return this.#fields.head.timelimit
  }
  /** Who sent it: `gen<pid>@<host>`. */
  get origin(): string | undefined {
    return this.#fields.head.origin
  }
  /** Another name, for logs and monitors. */
  get shadow(): string | undefined {
    return this.#fields.head.shadow
  }
  /** The caller wants no result. */
  get ignoreResult(): boolean {
    return this.#fields.head.ignoreResult
  }
  /** The values of its stamps. */
  get stamps(): Readonly<Record<string, unknown>> {
    return this.#fields.head.stamps
  }
  /** The names of its stamps. */
  get stampedHeaders(): readonly string[] | undefined {
    return this.#fields.head.stampedHeaders
  }
  /** How often it stands in the place of another task. */
  get replacedTaskNesting(): number {
    return this.#fields.head.replacedTaskNesting
  }
}

/** Nothing follows. */
export const NO_EMBED: TaskEmbed = { callbacks: null, errbacks: null, chain: null, chord: null }

/** The head of a call that never was a message. */
export function bareHead(name: string, id: string): TaskHead {
  return {
    id,
    name,
    rootId: id,
    parentId: undefined,
    group: undefined,
    groupIndex: undefined,
    shadow: undefined,
    etaMs: undefined,
    expiresMs: undefined,
    eta: undefined,
    expires: undefined,
    retries: 0,
    timelimit: [undefined, undefined],
    argsrepr: '',
    kwargsrepr: '',
    origin: undefined,
    ignoreResult: false,
    replacedTaskNesting: 0,
    stampedHeaders: undefined,
    stamps: {},
    custom: {},
  }
}
