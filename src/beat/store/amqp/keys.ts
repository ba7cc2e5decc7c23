/** Names of beat on RabbitMQ. */

/** The queue that belongs to the connection of the beat that leads. */
export function lockQueue(scope: string): string {
  return `celeriac.beat.${scope}`
}
