/**
 * Every name that two processes must agree on: exchanges, queues, key prefixes, headers and built-in tasks. Names that
 * only one driver touches stand beside that driver (`transport/redis/keys.ts` and the like); the arguments of queues are
 * in `arguments.ts`.
 */

/** The queue, exchange and routing key of tasks that are not routed elsewhere. */
export const DEFAULT_QUEUE = 'celery'
export const DEFAULT_EXCHANGE = 'celery'
export const DEFAULT_ROUTING_KEY = 'celery'

/** The topic exchange of events. */
export const EVENT_EXCHANGE = 'celeryev'
/** What the names of event receivers' queues begin with. */
export const EVENT_QUEUE_PREFIX = 'celeryev'
/** What remote control's exchanges and queues are named after. */
export const CONTROL_NAMESPACE = 'celery'

/** The direct exchange of queues that belong to one worker (`workerDirect`). */
export const WORKER_DIRECT_EXCHANGE = 'C.dq2'
/** What the names of the queues behind a broadcast exchange begin with. */
export const BROADCAST_QUEUE_PREFIX = 'bcast.'

/** Keys of stored results. */
export const TASK_KEY_PREFIX = 'celery-task-meta-'
/** Keys of stored groups, and of what a chord counts. */
export const GROUP_KEY_PREFIX = 'celery-taskset-meta-'
/** Keys of chord counters in stores that only count. */
export const CHORD_KEY_PREFIX = 'chord-unlock-'

/** Message headers that are not part of the task protocol. */
export const COMPRESSION_HEADER = 'compression'
export const REDELIVERED_HEADER = 'redelivered'
/** The sender's logical clock, on remote control's messages. */
export const CLOCK_HEADER = 'clock'
/** Which request a reply belongs to. */
export const TICKET_HEADER = 'ticket'
/** Unix seconds after which a control message is of no use; 0 is never. */
export const EXPIRES_HEADER = 'expires'
/** The node that sent an event. */
export const HOSTNAME_HEADER = 'hostname'

/** The tasks that every worker has (`celery/app/builtins.py`), and how their names begin. */
export const BUILTIN_PREFIX = 'celery.'
export const BACKEND_CLEANUP_TASK = 'celery.backend_cleanup'
export const ACCUMULATE_TASK = 'celery.accumulate'
export const CHORD_UNLOCK_TASK = 'celery.chord_unlock'
export const MAP_TASK = 'celery.map'
export const STARMAP_TASK = 'celery.starmap'
export const CHUNKS_TASK = 'celery.chunks'
export const GROUP_TASK = 'celery.group'
export const CHAIN_TASK = 'celery.chain'
export const CHORD_TASK = 'celery.chord'

/** The fanout exchange of remote control: `celery.pidbox`. */
export function pidboxExchange(namespace: string = CONTROL_NAMESPACE): string {
  return `${namespace}.pidbox`
}

/** The direct exchange of the replies: `reply.celery.pidbox`. */
export function replyExchange(namespace: string = CONTROL_NAMESPACE): string {
  return `reply.${namespace}.pidbox`
}

/** The queue in which a node finds its commands: `worker@host.celery.pidbox`. */
export function pidboxQueue(nodename: string, namespace: string = CONTROL_NAMESPACE): string {
  return `${nodename}.${pidboxExchange(namespace)}`
}

/** The queue in which a client finds its replies: `<oid>.reply.celery.pidbox`. Its routing key is the oid alone. */
export function replyQueue(oid: string, namespace: string = CONTROL_NAMESPACE): string {
  return `${oid}.${replyExchange(namespace)}`
}

/** The queue of one event receiver: `celeryev.<uuid>`. */
export function eventQueue(uuid: string, prefix: string = EVENT_QUEUE_PREFIX): string {
  return `${prefix}.${uuid}`
}

/** The queue that only this worker consumes: `worker@host.dq2`. Its routing key is the node's name. */
export function workerDirectQueue(nodename: string): string {
  return `${nodename}.dq2`
}

/** The key of a task's result. */
export function taskKey(taskId: string): string {
  return TASK_KEY_PREFIX + taskId
}

/** The key of a saved group. */
export function groupKey(groupId: string): string {
  return GROUP_KEY_PREFIX + groupId
}

/** The key of what a chord counts: its finished parts (`.j`), its size (`.s`), parts that were added later (`.t`). */
export function chordKey(groupId: string, part: 'j' | 's' | 't'): string {
  return `${groupKey(groupId)}.${part}`
}
