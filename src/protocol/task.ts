/** Task message v2 to and from plain data; v1 at the edge (`celery/app/amqp.py`, protocol pages of Celery's docs). */
import type { Headers, Properties } from './message.ts'
import type { SignatureData } from './signature.ts'

/** The third part of a v2 body: what happens after the task. */
export interface TaskEmbed {
  callbacks: SignatureData[] | null
  errbacks: SignatureData[] | null
  /** Reversed: the last element is the next task. */
  chain: SignatureData[] | null
  /** The body of the chord that this task is a part of. */
  chord: SignatureData | null
  [name: string]: unknown
}

/** The decoded body of a v2 message. */
export type TaskBody = [args: unknown[], kwargs: Record<string, unknown>, embed: TaskEmbed]

/** One call as a publisher describes it. Absent is the same as null on the wire. */
export interface TaskCall {
  readonly id: string
  readonly name: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Unix time in milliseconds; text is passed on as it is. */
  readonly eta?: number | string | undefined
  readonly expires?: number | string | undefined
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
  readonly groupId?: string | undefined
  readonly groupIndex?: number | undefined
  readonly shadow?: string | undefined
  readonly retries?: number | undefined
  /** Seconds. */
  readonly timeLimit?: number | undefined
  readonly softTimeLimit?: number | undefined
  readonly argsrepr?: string | undefined
  readonly kwargsrepr?: string | undefined
  readonly origin: string
  readonly ignoreResult?: boolean | undefined
  readonly replacedTaskNesting?: number | undefined
  readonly stampedHeaders?: readonly string[] | undefined
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
  /** Custom headers; they win over ours. */
  readonly headers?: Readonly<Headers> | undefined
  readonly callbacks?: readonly SignatureData[] | undefined
  readonly errbacks?: readonly SignatureData[] | undefined
  readonly chain?: readonly SignatureData[] | undefined
  readonly chord?: SignatureData | undefined
  readonly replyTo?: string | undefined
}

/** A call in wire form, body not serialized yet. */
export interface EncodedTask {
  readonly headers: Headers
  readonly properties: Properties
  readonly body: unknown
}

/** What the headers of a task message say, in our words. All that a worker needs before it decodes the body. */
export interface TaskHead {
  readonly id: string
  readonly name: string
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly group: string | undefined
  readonly groupIndex: number | undefined
  readonly shadow: string | undefined
  /** Unix time in milliseconds. */
  readonly etaMs: number | undefined
  readonly expiresMs: number | undefined
  /** The texts as they came, for requests and events. */
  readonly eta: string | undefined
  readonly expires: string | undefined
  readonly retries: number
  /** Seconds, hard limit first (as on the wire). */
  readonly timelimit: readonly [hard: number | undefined, soft: number | undefined]
  readonly argsrepr: string
  readonly kwargsrepr: string
  readonly origin: string | undefined
  readonly ignoreResult: boolean
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  /** Headers that are no part of the protocol. */
  readonly custom: Headers
}
