/** What went over connections, as the proxy before a server sees it. */
export interface Counts {
  /** Redis' commands, or AMQP's methods, that the client sent. */
  commands: number
  /** How often a connection changed from receiving to sending: all requests that left before the next answer are one. */
  roundTrips: number
  /** Pieces as the proxy read them: what is sent in one go is one, or a few. */
  packetsSent: number
  packetsReceived: number
  bytesSent: number
  bytesReceived: number
}

/** `one` and `sign` times `other`. */
export function addCounts(one: Counts, other: Counts, sign: 1 | -1 = 1): Counts {
  return {
    commands: one.commands + sign * other.commands,
    roundTrips: one.roundTrips + sign * other.roundTrips,
    packetsSent: one.packetsSent + sign * other.packetsSent,
    packetsReceived: one.packetsReceived + sign * other.packetsReceived,
    bytesSent: one.bytesSent + sign * other.bytesSent,
    bytesReceived: one.bytesReceived + sign * other.bytesReceived,
  }
}
