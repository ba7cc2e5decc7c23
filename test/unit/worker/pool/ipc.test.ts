import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, FrameWriter } from '../../../../src/worker/pool/frames.ts'
import type { Frame } from '../../../../src/worker/pool/frames.ts'
import * as ipc from '../../../../src/worker/pool/ipc.ts'
import type { Job } from '../../../../src/worker/pool/pool.ts'

function crossing<T>(write: (writer: FrameWriter) => void, read: (frame: Frame) => T): { kind: number; value: T } {
  const writer = new FrameWriter()
  write(writer)
  const seen: { kind: number; value: T }[] = []
  new FrameReader((kind, frame) => seen.push({ kind, value: read(frame) })).push(writer.take() as Buffer)
  expect(seen).toHaveLength(1)
  return seen[0] as { kind: number; value: T }
}

const text = fc.string({ unit: 'grapheme' })
const body = fc.oneof(text, fc.uint8Array())
const document = fc.record({ taskId: text, status: text, body })
// What JSON can say: no undefined, no -0.
const plain = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)
const limit = fc.option(fc.integer({ min: 1 }), { nil: undefined })

const job: fc.Arbitrary<Job> = fc.record({
  key: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  taskId: text,
  taskName: text,
  message: fc.record({
    body,
    contentType: text,
    contentEncoding: text,
    headers: fc.dictionary(text, plain, { noNullPrototype: true }),
    properties: fc.dictionary(text, plain, { noNullPrototype: true }),
  }),
  deliveryInfo: fc.record({
    exchange: text,
    routing_key: text,
    priority: fc.option(fc.nat()),
    redelivered: fc.boolean(),
  }),
  hostname: text,
  softLimitMs: limit,
  hardLimitMs: limit,
})

describe('ipc', () => {
  it('carries jobs', () => {
    fc.assert(
      fc.property(job, (value) => {
        const crossed = crossing((writer) => ipc.writeJob(writer, value), ipc.readJob)
        expect(crossed.kind).toBe(ipc.JOB)
        expect(normal(crossed.value)).toEqual(normal(value))
      }),
    )
  })

  it('carries headers that JSON has no form for as text', () => {
    const [value] = fc.sample(job, 1) as [Job]
    const big = { ...value, message: { ...value.message, headers: { count: 12345678901234567890n } } }
    const { headers } = crossing((writer) => ipc.writeJob(writer, big), ipc.readJob).value.message
    expect(headers).toEqual({ count: '12345678901234567890' })
  })

  it('carries the size of a child', () => {
    const crossed = crossing((writer) => {
      ipc.writePong(writer, 123_456_789)
    }, ipc.readPong)
    expect(crossed).toEqual({ kind: ipc.PONG, value: 123_456_789 })
  })

  it('carries results', () => {
    fc.assert(
      fc.property(fc.nat(), document, (key, result) => {
        const crossed = crossing((writer) => ipc.writeResult(writer, key, result), ipc.readResult)
        expect(crossed.kind).toBe(ipc.RESULT)
        expect(normal(crossed.value)).toEqual(normal({ key, result }))
      }),
    )
  })

  it('carries what a part of a chord says', () => {
    fc.assert(
      fc.property(fc.nat(), body, (key, said) => {
        const crossed = crossing((writer) => ipc.writePart(writer, key, said), ipc.readPart)
        expect(crossed.kind).toBe(ipc.PART)
        expect(normal(crossed.value)).toEqual(normal({ key, body: said }))
      }),
    )
  })

  it('carries the end of a job with its results', () => {
    const outcome = { kind: 'success' as const, runtimeMs: 1.5, resultRepr: "'ä'" }
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ noNaN: true }),
        fc.boolean(),
        fc.array(document),
        fc.option(body, { nil: undefined }),
        (key, busyMs, overweight, results, part) => {
          const done = { key, busyMs, overweight, outcome, results, part }
          const crossed = crossing((writer) => ipc.writeDone(writer, done), ipc.readDone)
          expect(crossed.kind).toBe(ipc.DONE)
          expect(normal(crossed.value)).toEqual(normal(done))
        },
      ),
    )
  })

  it('carries what is given back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER })), (keys) => {
        expect(crossing((writer) => ipc.writeBack(writer, keys), ipc.readBack)).toEqual({ kind: ipc.BACK, value: keys })
      }),
    )
  })

  it('carries the rare ones', () => {
    const abort: ipc.Abort = { key: 3, terminate: 'SIGTERM' }
    expect(crossing((writer) => ipc.writeJson(writer, ipc.ABORT, abort), ipc.readAbort)).toEqual({
      kind: ipc.ABORT,
      value: abort,
    })
    expect(
      crossing(
        (writer) => ipc.writePlain(writer, ipc.READY),
        () => null,
      ).kind,
    ).toBe(ipc.READY)
    expect(
      crossing(
        (writer) => ipc.writeFailed(writer, 'no'),
        (frame) => frame.text(),
      ),
    ).toEqual({
      kind: ipc.FAILED,
      value: 'no',
    })
  })
})

/** Views of a buffer and arrays of their own compare by their bytes. */
function normal(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (part instanceof Uint8Array) return { bytes: [...part] }
      const buffer = part as { type?: string; data?: number[] } | null
      return buffer !== null && typeof part === 'object' && buffer.type === 'Buffer' ? { bytes: buffer.data } : part
    }),
  )
}
