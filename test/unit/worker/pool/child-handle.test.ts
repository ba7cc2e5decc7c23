import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../../src/util/logger.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { ChildHandle } from '../../../../src/worker/pool/child-handle.ts'
import { FrameReader, FrameWriter } from '../../../../src/worker/pool/frames.ts'
import * as ipc from '../../../../src/worker/pool/ipc.ts'

/** A child that is nothing but a record of what it was sent. */
class RecordedChild extends ChildHandle {
  readonly pid = 7
  readonly writes: number[][] = []

  kill(): void {
    this.gone('SIGKILL')
  }

  /** The child says this. */
  say(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter()
    write(writer)
    this.receive(writer.take() as Buffer)
  }

  end(): void {
    this.reportsEnded()
  }

  protected write(bytes: Buffer): void {
    const kinds: number[] = []
    new FrameReader((kind) => kinds.push(kind)).push(bytes)
    this.writes.push(kinds)
  }
}

function setUp() {
  const told: string[] = []
  const start: ipc.Start = {
    name: 'child-1',
    location: { file: '/app.js', exportName: undefined },
    settings: {},
    runner: undefined,
    maxMemoryBytes: undefined,
    logLevel: 'INFO',
  }
  const options = { entry: '/child.js', start, logger: silentLogger(), output: 'inherit' as const, lostWaitMs: 5 }
  const child = new RecordedChild(options, {
    onReady: () => told.push('ready'),
    onResult: () => told.push('result'),
    onPart: () => told.push('part'),
    onDone: () => told.push('done'),
    onBack: (keys) => told.push(`back ${keys.join()}`),
    onPong: (bytes) => told.push(`pong ${String(bytes)}`),
    onPause: () => told.push('pause'),
    onExit: (exit) => told.push(`exit ${String(exit)}`),
  })
  return { child, told }
}

describe('ChildHandle', () => {
  it('sends what is said in one turn as one write', async () => {
    const { child } = setUp()
    child.sendPing()
    child.sendRecall()
    await nextTurn()
    child.sendLeave()
    await nextTurn()
    expect(child.writes).toEqual([[ipc.START, ipc.PING, ipc.RECALL], [ipc.LEAVE]])
  })

  it('tells what comes, and the end after it', () => {
    const { child, told } = setUp()
    child.say((writer) => {
      ipc.writePlain(writer, ipc.READY)
      ipc.writePong(writer, 1000)
      ipc.writeBack(writer, [1, 2])
    })
    child.kill()
    expect(told).toEqual(['ready', 'pong 1000', 'back 1,2', 'pause'])
    child.end()
    expect(told.at(-1)).toBe('exit SIGKILL')
  })

  it('waits for last reports, but not for ever', async () => {
    const { child, told } = setUp()
    child.kill()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(told).toEqual(['exit SIGKILL'])
  })
})
