/** The names of the arguments with which queues are declared (AMQP's `x-` arguments). */

/** The queue goes when nobody used it for so many milliseconds. */
export const QUEUE_EXPIRES_ARGUMENT = 'x-expires'
/** Messages go when they have waited for so many milliseconds. */
export const MESSAGE_TTL_ARGUMENT = 'x-message-ttl'
/** The most messages that wait; the oldest go first. */
export const MAX_LENGTH_ARGUMENT = 'x-max-length'
/** The most bytes that wait. */
export const MAX_LENGTH_BYTES_ARGUMENT = 'x-max-length-bytes'
/** The highest priority; without it RabbitMQ knows none. */
export const MAX_PRIORITY_ARGUMENT = 'x-max-priority'
/** `classic` or `quorum`. */
export const QUEUE_TYPE_ARGUMENT = 'x-queue-type'
