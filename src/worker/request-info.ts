/** A request as remote control tells of it. Arguments that their sender hides (`argsrepr`) stay hidden. */
import { reprArgs, reprKwargs, repr } from '../util/repr.ts'
import type { RequestInfo } from '../protocol/control.ts'
import type { Message } from '../protocol/message.ts'
import { decodeTaskBody } from '../protocol/task.ts'
import type { Request } from './request.ts'

/** What is needed to tell. */
export interface RequestInfoParts {
  readonly hostname: string
  /** Throws where the body cannot be read. */
  readonly decode: (message: Message) => unknown
}

/** One task in hand. `safe`: the arguments as short texts instead of themselves. */
export function requestInfo(request: Request, parts: RequestInfoParts, safe: boolean = false): RequestInfo {
  const { head, message, startedMs, pid } = request
  return {
    id: head.id,
    name: head.name,
    ...(safe ? { args: head.argsrepr, kwargs: head.kwargsrepr } : argumentsOf(request, parts)),
    type: head.name,
    hostname: parts.hostname,
    time_start: startedMs === undefined ? null : startedMs / 1000,
    acknowledged: message.state !== 'unacked',
    delivery_info: message.deliveryInfo,
    worker_pid: pid ?? null,
  }
}

/** Where the texts in the headers are not those of the arguments, somebody has put others in their place on purpose. */
function argumentsOf(
  { head: { argsrepr, kwargsrepr }, message }: Request,
  { decode }: RequestInfoParts,
): Pick<RequestInfo, 'args' | 'kwargs'> {
  try {
    const { args, kwargs } = decodeTaskBody(decode(message.message))
    const shows = argsrepr === '' || argsrepr === reprArgs(args) || argsrepr === repr(args)
    const showsNamed = kwargsrepr === '' || kwargsrepr === reprKwargs(kwargs)
    return { args: shows ? args : argsrepr, kwargs: showsNamed ? kwargs : kwargsrepr }
  } catch {
    return { args: argsrepr, kwargs: kwargsrepr }
  }
}
