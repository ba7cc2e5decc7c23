import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startFaultProxy } from './fault-proxy.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { waitFor } from './wait-for.ts'

interface Line {
  readonly socket: Socket
  received: string
  ended: 'no' | 'closed' | 'reset'
}

async function fixture(): Promise<{ proxy: FaultProxy; open: () => Line }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await startFaultProxy((server.address() as AddressInfo).port)
  onTestFinished(async () => {
    await proxy.close()
    server.close()
  })
  const open = (): Line => {
    const line: Line = { socket: connect(proxy.port, '127.0.0.1'), received: '', ended: 'no' }
    line.socket.on('data', (bytes) => (line.received += String(bytes)))
    line.socket.on('error', () => (line.ended = 'reset'))
    line.socket.on('close', () => (line.ended = line.ended === 'no' ? 'closed' : line.ended))
    return line
  }
  return { proxy, open }
}

describe('startFaultProxy', () => {
  it('passes what is sent both ways, and an end', async () => {
    const { proxy, open } = await fixture()
    const line = open()
    line.socket.write('ab')
    await waitFor(() => line.received === 'ab')
    line.socket.end('c')
    await waitFor(() => line.ended === 'closed')
    expect([line.received, proxy.open]).toEqual(['abc', 0])
  })

  it('cuts now, and lets others in afterwards', async () => {
    const { proxy, open } = await fixture()
    const line = open()
    line.socket.write('a')
    await waitFor(() => line.received === 'a')
    proxy.cut()
    await waitFor(() => line.ended !== 'no')
    const next = open()
    next.socket.write('b')
    await waitFor(() => next.received === 'b')
  })

  it('cuts at a byte', async () => {
    const { proxy, open } = await fixture()
    const line = open()
    const cut = proxy.cutAfter(5, 'down')
    line.socket.write('abc')
    await waitFor(() => line.received === 'abc')
    line.socket.write('defgh')
    await cut
    await waitFor(() => line.ended !== 'no')
    expect(line.received).toBe('abcde')
  })

  it('stalls, and lets go', async () => {
    const { proxy, open } = await fixture()
    const line = open()
    await waitFor(() => proxy.open === 1)
    proxy.stall()
    line.socket.write('a')
    const late = open()
    late.socket.write('b')
    await waitFor(() => proxy.open === 2)
    expect([line.received, line.ended, late.received, late.ended]).toEqual(['', 'no', '', 'no'])
    proxy.resume()
    await waitFor(() => line.received === 'a' && late.received === 'b')
  })

  it('abandons the connections of now, and lets others in', async () => {
    const { proxy, open } = await fixture()
    const line = open()
    await waitFor(() => proxy.open === 1)
    proxy.abandon()
    line.socket.write('a')
    const next = open()
    next.socket.write('b')
    await waitFor(() => next.received === 'b')
    expect([line.received, line.ended]).toEqual(['', 'no'])
  })

  it('refuses, and accepts again', async () => {
    const { proxy, open } = await fixture()
    await proxy.refuse()
    const line = open()
    await waitFor(() => line.ended === 'reset')
    await proxy.accept()
    const next = open()
    next.socket.write('a')
    await waitFor(() => next.received === 'a')
  })

  it('makes both ways slower', async () => {
    const { proxy, open } = await fixture()
    proxy.delayMs = 20
    const sentMs = performance.now()
    const line = open()
    line.socket.write('a')
    await waitFor(() => line.received === 'a', { intervalMs: 1 })
    expect(performance.now() - sentMs).toBeGreaterThan(39)
  })
})
