import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, FrameWriter } from '../../../../src/worker/pool/frames.ts'

type Field = string | number | Uint8Array
interface Written {
  readonly kind: number
  readonly fields: readonly Field[]
}

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.double(),
  fc.uint8Array({ maxLength: 300 }),
  // Larger than the writer's buffer.
  fc.nat({ max: 200_000 }).map((length) => '€'.repeat(length)),
)
const frames = fc.array(
  fc.record({ kind: fc.integer({ min: 0, max: 255 }), fields: fc.array(field, { maxLength: 5 }) }),
)

function write(writer: FrameWriter, { kind, fields }: Written): void {
  writer.begin(kind)
  for (const value of fields) {
    if (typeof value === 'string') writer.text(value)
    else if (typeof value === 'number') writer.number(value)
    else writer.bytes(value)
  }
  writer.end()
}

/** Reads frames of the given shapes out of the chunks. */
function readAll(chunks: readonly Buffer[], shapes: readonly Written[]): Written[] {
  const read: Written[] = []
  const reader = new FrameReader((kind, frame) => {
    const shape = shapes[read.length]?.fields ?? []
    const fields = shape.map((value) => {
      if (typeof value === 'string') return frame.text()
      return typeof value === 'number' ? frame.number() : new Uint8Array(frame.bytes())
    })
    read.push({ kind, fields })
  })
  for (const chunk of chunks) reader.push(chunk)
  return read
}

function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (const length of lengths) {
    // A copy, as a stream's chunks are.
    chunks.push(Buffer.from(bytes.subarray(at, at + length)))
    at += length
  }
  return [...chunks, Buffer.from(bytes.subarray(at))]
}

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 5000 })), fc.nat({ max: 5 }), (all, lengths, every) => {
        const writer = new FrameWriter()
        const taken: Buffer[] = []
        for (const [index, frame] of all.entries()) {
          write(writer, frame)
          if (index % (every + 1) === 0) taken.push(writer.take() ?? Buffer.alloc(0))
        }
        taken.push(writer.take() ?? Buffer.alloc(0))
        expect(readAll(cut(Buffer.concat(taken), lengths), all)).toEqual(all)
      }),
      { numRuns: 60 },
    )
  })

  it('are read byte by byte', () => {
    const writer = new FrameWriter()
    const all = [
      { kind: 1, fields: ['ä€', 1.5] },
      { kind: 2, fields: [] },
      { kind: 3, fields: [new Uint8Array([1, 2, 3])] },
    ]
    for (const frame of all) write(writer, frame)
    const bytes = writer.take() as Buffer
    expect(
      readAll(
        cut(
          bytes,
          Array.from({ length: bytes.length }, () => 1),
        ),
        all,
      ),
    ).toEqual(all)
  })

  it('stay as they are after they were taken', () => {
    const writer = new FrameWriter()
    const first = { kind: 1, fields: ['first'] }
    write(writer, first)
    const taken = writer.take() as Buffer
    for (let index = 0; index < 10_000; index += 1) write(writer, { kind: 2, fields: ['other'] })
    expect(readAll([taken], [first])).toEqual([first])
  })

  it('use their room again where that is asked for', () => {
    const writer = new FrameWriter()
    write(writer, { kind: 1, fields: ['first'] })
    const before = writer.take() as Buffer
    writer.reuse()
    write(writer, { kind: 1, fields: ['again'] })
    const after = writer.take() as Buffer
    expect(after.buffer).toBe(before.buffer)
    expect(after.byteOffset).toBe(before.byteOffset)
  })

  it('are nothing where nothing was written', () => {
    expect(new FrameWriter().take()).toBeUndefined()
  })

  it('of many pieces are joined once', () => {
    const writer = new FrameWriter()
    const large = { kind: 1, fields: ['x'.repeat(20_000_000)] }
    write(writer, large)
    const bytes = writer.take() as Buffer
    const chunks = cut(
      bytes,
      Array.from({ length: 300 }, () => 65_536),
    )
    // Quadratic joining would copy three gigabytes here.
    const startedMs = performance.now()
    expect(readAll(chunks, [large])[0]?.fields[0]).toHaveLength(20_000_000)
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })
})
