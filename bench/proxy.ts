/**
 * A TCP proxy as a process of its own: it counts what passes, and may hold everything back for some time each way, as a
 * network between two places does. `support/delay-proxy.ts` starts it and asks it what it counted.
 */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Counts } from './support/counts.ts'
import { createCounter } from './support/wire-counter.ts'
import type { Wire } from './support/wire-counter.ts'

const [targetPort, delay, wire] = process.argv.slice(2)
const delayMs = Number(delay)
const counts: Counts = {
  commands: 0,
  roundTrips: 0,
  packetsSent: 0,
  packetsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
}

const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ port: Number(targetPort), host: '127.0.0.1', noDelay: true })
  const counter = createCounter(wire as Wire)
  const state = { sending: false }
  pass(client, target, (chunk) => {
    counts.packetsSent += 1
    counts.bytesSent += chunk.length
    counts.commands += counter.count(chunk)
    if (!state.sending) counts.roundTrips += 1
    state.sending = true
  })
  pass(target, client, (chunk) => {
    counts.packetsReceived += 1
    counts.bytesReceived += chunk.length
    state.sending = false
  })
})
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port)
})
process.on('message', () => process.send?.(counts))
process.once('disconnect', () => process.exit())

function pass(from: Socket, to: Socket, count: (chunk: Buffer) => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk)
    later(() => {
      if (to.writable && !to.write(chunk)) from.pause()
    })
  })
  to.on('drain', () => from.resume())
  from.once('end', () => later(() => to.end()))
  from.once('error', () => from.destroy())
  from.once('close', () => later(() => to.destroy()))
}

/** Timers of the same length keep their order. */
function later(work: () => void): void {
  if (delayMs === 0) work()
  else setTimeout(work, delayMs)
}
