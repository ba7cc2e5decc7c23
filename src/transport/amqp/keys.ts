/**
 * Names of Celery's delayed delivery in RabbitMQ (`kombu/transport/native_delayed_delivery.py`), which every process
 * that takes part must agree on, and those that we add to it.
 */

/** A delay is a number of seconds of so many bits: some 8 years and a half. */
export const DELAY_BITS = 28
/** The topic exchange that messages come to when their time has come. */
export const DELIVERY_EXCHANGE = 'celery_delayed_delivery'
/** What the names of the levels begin with. */
export const LEVEL_PREFIX = 'celery_delayed_'
/** What the names of our queues begin with in which messages get their exchange and routing key back. */
export const RETURN_QUEUE_PREFIX = 'celeriac_delayed.'

/** Arguments of queues that only delayed delivery uses. */
export const OVERFLOW_ARGUMENT = 'x-overflow'
export const DEAD_LETTER_EXCHANGE_ARGUMENT = 'x-dead-letter-exchange'
export const DEAD_LETTER_ROUTING_KEY_ARGUMENT = 'x-dead-letter-routing-key'
export const DEAD_LETTER_STRATEGY_ARGUMENT = 'x-dead-letter-strategy'

/** Where RabbitMQ notes in which queues a message has expired. */
export const DEATHS_HEADER = 'x-death'
/** What the names of RabbitMQ's headers for the first and the last of them begin with. */
export const FIRST_DEATH_PREFIX = 'x-first-death-'
export const LAST_DEATH_PREFIX = 'x-last-death-'

/** The exchange and the queue of a level: what lies there has 2 to the power of `level` seconds to go, or more. */
export function levelName(level: number): string {
  return LEVEL_PREFIX + String(level)
}

/** Under which routing key of a level a message waits there: all bits before it, and then a one. */
export function waitingKey(level: number): string {
  return '*.'.repeat(DELAY_BITS - 1 - level) + '1.#'
}

/** Under which routing key a message skips a level. */
export function passingKey(level: number): string {
  return '*.'.repeat(DELAY_BITS - 1 - level) + '0.#'
}

/** The seconds as bits, the highest first, and what they lead to. */
export function delayedKey(seconds: number, target: string): string {
  const bits = seconds.toString(2).padStart(DELAY_BITS, '0')
  return `${bits.replaceAll(/\B/g, '.')}.${target}`
}

/** The binding of what arrives under `delayedKey` with any delay. */
export function arrivalKey(target: string): string {
  return target.startsWith('#') ? target : `#.${target}`
}
