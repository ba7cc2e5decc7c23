/**
 * Each recorded work-flow is built and sent by us: the messages are equal to those that Python put on the wire for the same
 * call, except for what names a process: ids (of which only is compared which are the same), the sender and its language.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Celery, chain, chord, group } from '../../src/index.ts'
import type { AnySignature, StampingVisitor } from '../../src/index.ts'
import { decodeEnvelope } from '../../src/protocol/index.ts'
import type { Headers } from '../../src/protocol/index.ts'

interface Vector {
  readonly name: string
  readonly call: string
  readonly messages: readonly { readonly raw: string }[]
}

interface Sent {
  readonly headers: Headers
  readonly body: unknown
}

const vectors = JSON.parse(readFileSync(new URL('redis-messages.json', import.meta.url), 'utf8')) as readonly Vector[]

const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
const add = app.task('proj.add', (x: number, y: number, z: number = 0) => x + y + z)
const mul = app.task('proj.mul', (x: number, y: number) => x * y)
const xsum = app.task('proj.xsum', (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0))
const fail = app.task('proj.fail', (message: number | string): number => {
  throw new Error(String(message))
})
const onError = app.task('proj.on_error', (_request: unknown, _error: unknown, _traceback: unknown) => null)

const stamper: StampingVisitor = {
  onSignature: () => ({ trace: 'abc-123', stampedHeaders: ['trace'] }),
}

const pairs = [0, 1, 2, 3].map((i): [number, number] => [i, i])
const CALLS: Readonly<Record<string, () => Pick<AnySignature, 'applyAsync'>>> = {
  immutable: () => chain(add.si(1, 1), add.si(2, 2)),
  chain: () => chain(add.s(4, 4), mul.s(8), mul.s(10)),
  chain_link_error: () => chain(add.s(4, 4), fail.s()).onError(onError.s()),
  group: () => group([0, 1, 2].map((i) => add.s(i, i))),
  chord: () => chord([add.s(1, 1), add.s(2, 2)], xsum.s()),
  chord_link_error: () => chord([add.s(1, 1), fail.s('x')], xsum.s().onError(onError.s())),
  chain_of_group: () =>
    add
      .s(1, 1)
      .pipe(group(mul.s(2), mul.s(3)))
      .pipe(xsum.s()),
  group_of_chains: () => group(chain(add.s(1, 1), mul.s(2)), chain(add.s(2, 2), mul.s(3))),
  nested_chord: () => chord([group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)], xsum.s()),
  map: () => add.map([1, 2]),
  starmap: () =>
    add.starmap([
      [1, 2],
      [3, 4],
    ]),
  chunks: () => add.chunks(pairs, 2),
  chunks_group: () => add.chunks(pairs, 2).group(),
  stamped: () => chain(add.s(1, 1), mul.s(2)).stamp(stamper),
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
/** Python shows there what is a tuple in an argument; we have lists. */
const TUPLES_IN_TEXT: ReadonlySet<string> = new Set(['map', 'starmap', 'chunks', 'chunks_group'])

/** Messages with their fields in one order and ids by the order in which they come. */
function neutral(name: string, messages: readonly Sent[]): unknown {
  const ids = new Map<string, string>()
  const text = JSON.stringify(
    messages.map(({ headers, body }) => ({ headers: { ...headers, lang: '', origin: '' }, body })),
    sorted,
  )
  const renamed = text.replace(UUID, (id) => {
    const known = ids.get(id) ?? `id-${String(ids.size)}`
    ids.set(id, known)
    return known
  })
  return JSON.parse(renamed, (key, value: unknown) => (key === 'kwargsrepr' && TUPLES_IN_TEXT.has(name) ? '' : value))
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What sending it puts on the wire. */
async function send(signature: Pick<AnySignature, 'applyAsync'>): Promise<Sent[]> {
  const sent: Sent[] = []
  const stop = app.signals.on('before-task-publish', ({ headers, body }) => {
    sent.push(JSON.parse(JSON.stringify({ headers, body })) as Sent)
  })
  await signature.applyAsync()
  stop()
  return sent
}

function recorded({ messages }: Vector): Sent[] {
  return messages.map(({ raw }) => {
    const { message } = decodeEnvelope(raw)
    return { headers: message.headers, body: JSON.parse(String(message.body)) as unknown }
  })
}

describe.each(Object.entries(CALLS))('the work-flow %s', (name, call) => {
  it('is sent as Python sends it', async () => {
    const vector = vectors.find((one) => one.name === name)!
    expect(neutral(name, await send(call()))).toEqual(neutral(name, recorded(vector)))
  })

  it('is the same when it was plain data in between', async () => {
    const vector = vectors.find((one) => one.name === name)!
    const data = JSON.parse(JSON.stringify(call())) as never
    if (name === 'chunks') return
    expect(neutral(name, await send(app.signature(data)))).toEqual(neutral(name, recorded(vector)))
  })
})
