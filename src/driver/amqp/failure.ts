/** RabbitMQ's refusals as errors of ours that say what happened and what to do. */
import { ChannelError, ConnectionError } from '../../errors.ts'

/** Reply codes of AMQP 0-9-1 (and RabbitMQ's). */
const CONNECTION_FORCED = 320
const ACCESS_REFUSED = 403
const NOT_FOUND = 404
const RESOURCE_LOCKED = 405
const PRECONDITION_FAILED = 406

/** What RabbitMQ says within the library's own sentence. */
const SAID = /with message "(?:[A-Z_]+ - )?(.*)"$/s
const CODE = /(\d{3}) \([A-Z-]+\)/
const INEQUIVALENT =
  /inequivalent arg '([^']+)' for (\w+) '([^']*)' in vhost '[^']*': received (.*) but current is (.*)$/s
/** What RabbitMQ says when it refuses to open a virtual host, the library keeps to itself. */
const OPEN_REFUSED = 'Expected ConnectionOpenOk; got <ConnectionClose'
const ACK_TIMEOUT = /acknowledgement on channel .* timed out\. Timeout value used: (\d+) ms/

/** What RabbitMQ closed a channel for, as a `ChannelError`; the library's error is its cause. */
export function explainChannelFailure(error: Error): ChannelError {
  return new ChannelError(explainChannel(codeOf(error), wordsOf(error)), { cause: error })
}

/** What ended a connection that was open, as a `ConnectionError`. */
export function explainConnectionFailure(error: Error | undefined): ConnectionError {
  if (error === undefined) return new ConnectionError('The connection was closed by the other side')
  const message =
    codeOf(error) === CONNECTION_FORCED ? `RabbitMQ closed the connection: ${wordsOf(error)}` : wordsOf(error)
  return new ConnectionError(message, { cause: error })
}

/** Why no connection could be made, as a `ConnectionError`. */
export function explainConnectFailure(error: Error, user: string, virtualHost: string): ConnectionError {
  return new ConnectionError(explainConnect(codeOf(error), wordsOf(error), user, virtualHost), { cause: error })
}

function explainChannel(code: number | undefined, words: string): string {
  switch (code) {
    case PRECONDITION_FAILED:
      return explainPrecondition(words)
    case NOT_FOUND:
      return `RabbitMQ: ${words}; declare it first`
    case ACCESS_REFUSED:
      return `RabbitMQ refused access: ${words}; see the user's rights with "rabbitmqctl list_permissions"`
    case RESOURCE_LOCKED:
      return `RabbitMQ: ${words}; an exclusive queue belongs to the connection that declared it`
    default:
      return code === undefined ? words : `RabbitMQ closed the channel: ${words} (${String(code)})`
  }
}

function explainPrecondition(words: string): string {
  const different = INEQUIVALENT.exec(words)
  if (different !== null) {
    const [, argument = '', kind = '', name = '', received = '', current = ''] = different
    return (
      `The ${kind} "${name}" exists with another "${argument}": declared with ${received}, there it is ${current}. ` +
      `Declare it as it is, or delete it first (what waits in it is lost then)`
    )
  }
  const timeout = ACK_TIMEOUT.exec(words)?.[1]
  if (timeout !== undefined) {
    return (
      `RabbitMQ took a message back that was not acknowledged for ${String(Number(timeout) / 1000)} s, its ` +
      `consumer_timeout, and gives it to somebody again. Where tasks take so long, raise consumer_timeout in rabbitmq.conf ` +
      `(milliseconds) or with a policy, or acknowledge early (acksLate: false); where they wait so long before they ` +
      `start, lower workerPrefetchMultiplier`
    )
  }
  return `RabbitMQ: ${words}`
}

function explainConnect(code: number | undefined, words: string, user: string, virtualHost: string): string {
  if (words.startsWith(OPEN_REFUSED)) {
    return (
      `RabbitMQ refused the virtual host "${virtualHost}": it is not there (see "rabbitmqctl list_vhosts"), "${user}" has ` +
      `no rights in it ("rabbitmqctl list_user_permissions"), or it has all the connections that it may have; it is the ` +
      `path of the URL ("//" at the end stands for "/")`
    )
  }
  if (code === ACCESS_REFUSED) {
    return `RabbitMQ refused the login of "${user}": check user and password (guest may log in from the same machine only)`
  }
  return words
}

function codeOf(error: Error): number | undefined {
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'number') return code
  const found = CODE.exec(error.message)?.[1]
  return found === undefined ? undefined : Number(found)
}

function wordsOf(error: Error): string {
  const said = SAID.exec(error.message)?.[1] ?? error.message
  return said === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : said
}
