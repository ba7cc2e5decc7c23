/** Errors of Redis and of its client package in our own words: what happened, where, and what to do about it. */
import { CeleryError, ConnectionError, OperationalError } from '../../errors.ts'

/** The first word of an error reply, and what to do about it. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['LOADING', 'is loading its data; try again when it has'],
  ['READONLY', 'is a replica and takes no writes: connect to the master, or through Sentinel (sentinel://)'],
  ['MASTERDOWN', 'is a replica that has lost its master; wait for the failover, or repair the master'],
  ['MISCONF', 'cannot save to its disk and so takes no writes: make room there, or look at its log'],
  ['OOM', 'is out of memory: raise its maxmemory, or remove data'],
  ['NOAUTH', 'wants a password: write it into the URL, redis://:password@host'],
  ['WRONGPASS', 'does not know this user and password'],
  ['NOPERM', 'does not permit this to the user: its ACL must allow the commands and keys of celeriac'],
  ['WRONGTYPE', 'has another kind of data under a key of ours: another program may be using this database'],
  ['BUSY', 'is busy with a script of another program; SCRIPT KILL ends that'],
  ['NOREPLICAS', 'has too few replicas to take writes (min-replicas-to-write)'],
  ['CLUSTERDOWN', 'is a cluster of which a part is down'],
  ['CROSSSLOT', 'is a cluster, and these keys do not share a slot of it'],
  ['TRYAGAIN', 'is a cluster that is moving these keys; try again'],
])

/** Replies that say: this is not the server to talk to (any more). Whoever connects anew may find the right one. */
const WRONG_SERVER: ReadonlySet<string> = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'NOAUTH'])

/** Replies to what may be asked again, soon. */
const PASSING: ReadonlySet<string> = new Set(['LOADING', 'READONLY', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY'])

/** May the same succeed if it is tried again, over a connection that is made anew where this one is over? */
export function mayPass(error: unknown): boolean {
  return error instanceof ConnectionError || PASSING.has(replyCode(error) ?? '')
}

/** The first word of the error reply that led to `error`, such as `WRONGTYPE`; undefined for errors of other kinds. */
export function replyCode(error: unknown): string | undefined {
  const reply = CeleryError.isCeleryError(error) ? error.cause : error
  return reply instanceof Error ? /^-?([A-Z]{2,})(?: |$)/.exec(reply.message)?.[1] : undefined
}

/** Does this error reply mean that the connection is of no use any more? */
export function isWrongServer(error: unknown): boolean {
  const code = replyCode(error)
  return code !== undefined && WRONG_SERVER.has(code)
}

/** An error reply as ours. `place` is the server's address. */
export function explainReply(error: Error, place: string): OperationalError {
  const code = replyCode(error) ?? ''
  const advice = ADVICE.get(code) ?? 'refused a command'
  return new OperationalError(`Redis at ${place} ${advice} (${error.message})`, { cause: error })
}

/** Connecting failed: the reason as ours, also where it is a reply to the log-in. */
export function explainConnect(error: unknown, place: string): CeleryError {
  if (error instanceof OperationalError && !(error instanceof ConnectionError)) return error
  if (replyCode(error) !== undefined) return explainReply(error as Error, place)
  return new ConnectionError(`Redis at ${place} cannot be reached: ${reasonOf(error)}`, { cause: error })
}

/** The connection was lost. */
export function explainLoss(error: unknown, place: string): ConnectionError {
  if (error instanceof ConnectionError) return error
  return new ConnectionError(`The connection to Redis at ${place} is lost: ${reasonOf(error)}`, { cause: error })
}

/** Several addresses of one name fail together: the first says enough. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return first instanceof Error ? first.message : String(first)
}
