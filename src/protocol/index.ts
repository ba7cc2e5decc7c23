/**
 * `celeriac/protocol`: Celery's wire protocol as pure functions, plain data in and out. For those who write a client, a
 * monitor or a transport of their own; none of it needs an app, a broker or a clock.
 */
export {
  MAX_LENGTH_ARGUMENT,
  MAX_LENGTH_BYTES_ARGUMENT,
  MAX_PRIORITY_ARGUMENT,
  MESSAGE_TTL_ARGUMENT,
  QUEUE_EXPIRES_ARGUMENT,
  QUEUE_TYPE_ARGUMENT,
} from './arguments.ts'
export {
  concernsNode,
  decodeControlHead,
  decodeControlReply,
  decodeControlRequest,
  decodeRevoked,
  encodeControlHead,
  encodeControlReply,
  encodeControlRequest,
  encodeRevoked,
  matchesPattern,
} from './control.ts'
export type {
  ControlHead,
  ControlRequest,
  ErrorReply,
  Matcher,
  OkReply,
  QueueInfo,
  ReplyAddress,
  RequestInfo,
  ScheduledInfo,
  StatsInfo,
} from './control.ts'
export { decodeEnvelope, encodeEnvelope } from './envelope.ts'
export type { Envelope, EnvelopeDelivery } from './envelope.ts'
export {
  decodeEvent,
  encodeEvent,
  encodeEventList,
  encodeEventStart,
  encodeEventText,
  eventGroup,
  eventRoutingKey,
  isTaskEvent,
  isWorkerEvent,
  localTimestamp,
  multiEventRoutingKey,
  TASK_GROUP,
  utcOffset,
  WORKER_GROUP,
} from './event.ts'
export type {
  CustomEvent,
  Event,
  EventCommon,
  EventFields,
  EventOf,
  EventSource,
  TaskCallFields,
  TaskEvent,
  TaskEventFields,
  TaskEventType,
  WorkerEvent,
  WorkerEventFields,
  WorkerEventType,
  WorkerStatusFields,
} from './event.ts'
export { decodeException, encodeException, exceptionRepr, tracebackText } from './exception.ts'
export type { ExceptionDocument } from './exception.ts'
export type { Body, Headers, Message, Properties } from './message.ts'
export {
  ACCUMULATE_TASK,
  BACKEND_CLEANUP_TASK,
  BROADCAST_QUEUE_PREFIX,
  BUILTIN_PREFIX,
  CHAIN_TASK,
  CHORD_KEY_PREFIX,
  CHORD_TASK,
  CHORD_UNLOCK_TASK,
  chordKey,
  CHUNKS_TASK,
  CLOCK_HEADER,
  COMPRESSION_HEADER,
  CONTROL_NAMESPACE,
  DEFAULT_EXCHANGE,
  DEFAULT_QUEUE,
  DEFAULT_ROUTING_KEY,
  EVENT_EXCHANGE,
  EVENT_QUEUE_PREFIX,
  eventQueue,
  EXPIRES_HEADER,
  GROUP_KEY_PREFIX,
  GROUP_TASK,
  groupKey,
  HOSTNAME_HEADER,
  MAP_TASK,
  pidboxExchange,
  pidboxQueue,
  REDELIVERED_HEADER,
  replyExchange,
  replyQueue,
  STARMAP_TASK,
  TASK_KEY_PREFIX,
  taskKey,
  TICKET_HEADER,
  WORKER_DIRECT_EXCHANGE,
  workerDirectQueue,
} from './names.ts'
export { anonymousNodename, defaultNodename, expandNodename, joinNodename, splitNodename } from './nodename.ts'
export type { Nodename } from './nodename.ts'
export { encodeMark, encodeReply, readMark } from './reply.ts'
export type { ResultAddress } from './reply.ts'
export {
  decodeChordPart,
  decodeGroupMeta,
  decodeResultTuple,
  decodeTaskMeta,
  encodeChordPart,
  encodeGroupMeta,
  encodeTaskMeta,
  groupTuple,
  isGroupMeta,
  isResultTuple,
  isTaskMeta,
  taskTuple,
} from './result.ts'
export type { ChordPart, GroupMeta, ResultTuple, TaskMeta, TaskMetaFields } from './result.ts'
export { isSignatureData, readSignature, signatureData } from './signature.ts'
export type { SignatureData, SignatureFields, SignatureOptions, SubtaskType } from './signature.ts'
export {
  EXCEPTION_STATES,
  FAILURE,
  IGNORED,
  PENDING,
  precedence,
  PROPAGATE_STATES,
  READY_STATES,
  RECEIVED,
  REJECTED,
  RETRY,
  REVOKED,
  STARTED,
  SUCCESS,
  UNREADY_STATES,
} from './states.ts'
export type { TaskState } from './states.ts'
export {
  decodeTaskBody,
  decodeTaskHead,
  decodeTaskV1,
  encodeTask,
  encodeTaskV1,
  isTaskV2,
  readCallFields,
} from './task.ts'
export type {
  DecodedBody,
  DecodedTask,
  DecodeV1Options,
  EncodedTask,
  EncodeOptions,
  TaskBody,
  TaskCall,
  TaskEmbed,
  TaskHead,
} from './task.ts'
