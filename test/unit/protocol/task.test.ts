import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CeleryError, EncodeError, InvalidTaskError } from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import {
  decodeTaskBody,
  decodeTaskHead,
  decodeTaskV1,
  encodeTask,
  encodeTaskV1,
  isTaskV2,
} from '../../../src/protocol/task.ts'
import type { TaskCall } from '../../../src/protocol/task.ts'

const ETA_MS = Date.UTC(2030, 0, 1, 12, 0, 0, 123)
const NO_EMBED = { callbacks: null, errbacks: null, chain: null, chord: null }
const next = signatureData({ task: 'next' })

function call(fields: Partial<TaskCall> = {}): TaskCall {
  return { id: 'id-1', name: 'proj.add', args: [2, 2], kwargs: {}, origin: 'gen1@host', ...fields }
}

const fullCall = call({
  kwargs: { z: 'x' },
  eta: ETA_MS,
  expires: ETA_MS + 1000,
  rootId: 'root',
  parentId: 'parent',
  groupId: 'group',
  groupIndex: 3,
  shadow: 'nickname',
  retries: 2,
  timeLimit: 30,
  softTimeLimit: 20.5,
  ignoreResult: true,
  replacedTaskNesting: 1,
  stampedHeaders: ['trace'],
  stamps: { trace: 'abc' },
  headers: { tenant: 'acme' },
  callbacks: [next],
  errbacks: [next],
  chain: [next],
  chord: next,
  replyTo: 'queue',
})

describe('encodeTask', () => {
  it('writes a plain call as Celery does, header by header', () => {
    const { headers, properties, body } = encodeTask(call())
    expect(JSON.stringify(headers)).toBe(
      '{"lang":"js","task":"proj.add","id":"id-1","shadow":null,"eta":null,"expires":null,"group":null,' +
        '"group_index":null,"retries":0,"timelimit":[null,null],"root_id":"id-1","parent_id":null,' +
        '"argsrepr":"(2, 2)","kwargsrepr":"{}","origin":"gen1@host","ignore_result":false,' +
        '"replaced_task_nesting":0,"stamped_headers":null,"stamps":{}}',
    )
    expect(properties).toEqual({ correlation_id: 'id-1', reply_to: '' })
    expect(JSON.stringify(body)).toBe('[[2,2],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]')
  })

  it('writes everything that a call may say', () => {
    const { headers, properties, body } = encodeTask(fullCall, { nowMs: ETA_MS })
    expect(headers).toMatchObject({
      shadow: 'nickname',
      eta: '2030-01-01T12:00:00.123000+00:00',
      expires: '2030-01-01T12:00:01.123000+00:00',
      group: 'group',
      group_index: 3,
      retries: 2,
      timelimit: [30, 20.5],
      root_id: 'root',
      parent_id: 'parent',
      kwargsrepr: "{'z': 'x'}",
      ignore_result: true,
      replaced_task_nesting: 1,
      stamped_headers: ['trace'],
      stamps: { trace: 'abc' },
      tenant: 'acme',
    })
    expect(properties).toEqual({ correlation_id: 'id-1', reply_to: 'queue', expiration: '1000' })
    expect(body).toEqual([[2, 2], { z: 'x' }, { callbacks: [next], errbacks: [next], chain: [next], chord: next }])
  })

  it('takes texts of arguments in place of the real ones, and custom headers over its own', () => {
    const { headers } = encodeTask(call({ argsrepr: '(***)', kwargsrepr: '{***}', headers: { lang: 'ts' } }))
    expect(headers).toMatchObject({ argsrepr: '(***)', kwargsrepr: '{***}', lang: 'ts' })
  })

  it('passes on times that are text, and lets nothing expire in the past', () => {
    const eta = '2030-01-01T12:00:00+02:00'
    const { headers, properties } = encodeTask(call({ eta, expires: eta }), { nowMs: ETA_MS })
    expect(headers).toMatchObject({ eta, expires: eta })
    expect(properties.expiration).toBe('0')
    const soon = encodeTask(call({ expires: Date.now() + 60_000 })).properties.expiration
    expect(Number(soon)).toBeGreaterThan(50_000)
    expect(Number(soon)).toBeLessThanOrEqual(60_000)
  })

  it('refuses times that no worker would take', () => {
    expect(() => encodeTask(call({ eta: 'soon' }))).toThrow(InvalidTaskError)
    expect(() => encodeTask(call({ expires: 'soon' }))).toThrow(`"expires" is 'soon'`)
    expect(() => encodeTask(call({ eta: NaN }))).toThrow(EncodeError)
  })

  it('does not share what it makes', () => {
    const first = encodeTask(call())
    first.headers['compression'] = 'application/x-gzip'
    expect(encodeTask(call()).headers).not.toHaveProperty('compression')
  })
})

describe('decodeTaskHead', () => {
  function decode(headers: Record<string, unknown>): ReturnType<typeof decodeTaskHead> {
    return decodeTaskHead({ id: 'id-1', task: 'proj.add', ...headers }, {})
  }

  it('reads back what encodeTask wrote', () => {
    const { headers, properties } = encodeTask(fullCall)
    expect(decodeTaskHead(headers, properties)).toEqual({
      id: 'id-1',
      name: 'proj.add',
      rootId: 'root',
      parentId: 'parent',
      group: 'group',
      groupIndex: 3,
      shadow: 'nickname',
      etaMs: ETA_MS,
      expiresMs: ETA_MS + 1000,
      eta: '2030-01-01T12:00:00.123000+00:00',
      expires: '2030-01-01T12:00:01.123000+00:00',
      retries: 2,
      timelimit: [30, 20.5],
      argsrepr: '(2, 2)',
      kwargsrepr: "{'z': 'x'}",
      origin: 'gen1@host',
      ignoreResult: true,
      replacedTaskNesting: 1,
      stampedHeaders: ['trace'],
      stamps: { trace: 'abc' },
      custom: { tenant: 'acme' },
    })
  })

  it('has a default for all but id and name', () => {
    const head = decode({})
    expect(head).toMatchObject({ retries: 0, argsrepr: '', ignoreResult: false, stamps: {}, custom: {} })
    expect(head.timelimit).toEqual([undefined, undefined])
    expect(head.rootId).toBeUndefined()
    const nulls = Object.fromEntries(Object.keys(encodeTask(call()).headers).map((name) => [name, null]))
    expect(decodeTaskHead({ ...nulls, id: 'id-1', task: 'proj.add' }, {})).toEqual(head)
  })

  it('takes the correlation id where the id is missing', () => {
    expect(decodeTaskHead({ task: 'proj.add' }, { correlation_id: 'c' }).id).toBe('c')
  })

  it('takes limits of 0 for none', () => {
    expect(decode({ timelimit: [0, 5] }).timelimit).toEqual([undefined, 5])
    expect(decode({ timelimit: [] }).timelimit).toEqual([undefined, undefined])
  })

  it('puts times without an offset in the given zone', () => {
    const headers = { id: 'id-1', task: 'proj.add', eta: '2030-07-01T12:00:00' }
    expect(decodeTaskHead(headers, {}).etaMs).toBe(Date.UTC(2030, 6, 1, 12))
    expect(decodeTaskHead(headers, {}, 'Europe/Berlin').etaMs).toBe(Date.UTC(2030, 6, 1, 10))
  })

  it('keeps custom headers, but none that belong to one delivery', () => {
    const headers = JSON.parse('{"tenant": "acme", "__proto__": {"x": 1}}')
    const { custom } = decode({ ...headers, compression: 'z', redelivered: true, 'x-death': [], 'x-delivery-count': 1 })
    expect(JSON.stringify(custom)).toBe('{"tenant":"acme","__proto__":{"x":1}}')
  })

  it.each([
    ['task', 1],
    ['task', ''],
    ['id', 5],
    ['id', ''],
    ['root_id', 5],
    ['parent_id', []],
    ['group', {}],
    ['group_index', '1'],
    ['group_index', -1],
    ['shadow', 1],
    ['eta', 'soon'],
    ['eta', 5],
    ['expires', '2024-13-01'],
    ['retries', 1.5],
    ['retries', '1'],
    ['retries', -1],
    ['timelimit', 5],
    ['timelimit', [1, 2, 3]],
    ['timelimit', ['1', null]],
    ['timelimit', [-1, null]],
    ['argsrepr', 1],
    ['ignore_result', 'yes'],
    ['replaced_task_nesting', 0.5],
    ['stamped_headers', 'trace'],
    ['stamped_headers', [1]],
    ['stamps', []],
  ])('names the header %s when it is %j', (name, value) => {
    expect(() => decode({ [name]: value })).toThrow(InvalidTaskError)
    expect(() => decode({ [name]: value })).toThrow(`"${name}"`)
  })
})

describe('decodeTaskBody', () => {
  it('reads back what encodeTask wrote', () => {
    const { body } = encodeTask(fullCall)
    expect(decodeTaskBody(body)).toEqual({
      args: [2, 2],
      kwargs: { z: 'x' },
      embed: { callbacks: [next], errbacks: [next], chain: [next], chord: next },
    })
  })

  it.each([
    [[]],
    [[[]]],
    [[[], {}]],
    [[[], {}, null]],
    [[null, null, {}]],
    [{ args: [] }],
    [{ task: 'x', kwargs: null }],
  ])('tolerates missing parts: %j', (body) => {
    expect(decodeTaskBody(body)).toEqual({ args: [], kwargs: {}, embed: NO_EMBED })
  })

  it('completes signatures, wraps a single one and keeps unknown keys', () => {
    const { embed } = decodeTaskBody([[], {}, { callbacks: { task: 'next' }, chord: { task: 'next' }, extra: 1 }])
    expect(embed).toEqual({ ...NO_EMBED, callbacks: [next], chord: next, extra: 1 })
  })

  it('reads a body of protocol 1 below headers of protocol 2', () => {
    const { body } = encodeTaskV1(fullCall)
    expect(decodeTaskBody(body)).toEqual({
      args: [2, 2],
      kwargs: { z: 'x' },
      embed: { callbacks: [next], errbacks: [next], chain: null, chord: next },
    })
  })

  it.each([
    [null, 'The body is None'],
    ['text', "The body is 'text'"],
    [{}, 'The body is {}'],
    [['x'], "args are 'x'"],
    [[[], []], 'kwargs are []'],
    [[[], {}, 'x'], "embed is 'x'"],
    [[[], {}, { callbacks: [1] }], 'no signature: it is 1'],
    [[[], {}, { chain: 'x' }], "no signature: it is 'x'"],
    [[[], {}, { chord: {} }], 'no signature: its "task"'],
  ])('refuses %j', (body, reason) => {
    expect(() => decodeTaskBody(body)).toThrow(InvalidTaskError)
    expect(() => decodeTaskBody(body)).toThrow(reason)
  })
})

describe('protocol 1', () => {
  it('is what has no task in its headers', () => {
    expect(isTaskV2(encodeTask(call()).headers)).toBe(true)
    expect(isTaskV2(encodeTaskV1(call()).headers)).toBe(false)
  })

  it('is written as Celery does', () => {
    const { headers, properties, body } = encodeTaskV1(fullCall, { nowMs: ETA_MS })
    expect(headers).toEqual({ tenant: 'acme' })
    expect(properties).toEqual({ correlation_id: 'id-1', reply_to: 'queue', expiration: '1000' })
    expect(JSON.stringify(encodeTaskV1(call()).body)).toBe(
      '{"task":"proj.add","id":"id-1","args":[2,2],"kwargs":{},"group":null,"group_index":null,"retries":0,' +
        '"eta":null,"expires":null,"utc":true,"callbacks":null,"errbacks":null,"timelimit":[null,null],' +
        '"taskset":null,"chord":null}',
    )
    expect(body).toMatchObject({ group: 'group', taskset: 'group', retries: 2, timelimit: [30, 20.5], chord: next })
  })

  it('is read back', () => {
    const { headers, properties, body } = encodeTaskV1(fullCall)
    const decoded = decodeTaskV1(body, properties, { headers })
    expect(decoded).toMatchObject({ args: [2, 2], kwargs: { z: 'x' }, embed: { callbacks: [next], chain: null } })
    expect(decoded.head).toMatchObject({
      id: 'id-1',
      name: 'proj.add',
      group: 'group',
      groupIndex: 3,
      etaMs: ETA_MS,
      retries: 2,
      timelimit: [30, 20.5],
      argsrepr: '(2, 2)',
      kwargsrepr: "{'z': 'x'}",
      custom: { tenant: 'acme' },
    })
  })

  it('lets taskset win over group, and utc decide about naive times', () => {
    const body = { task: 'a', id: 'i', group: 'g', taskset: 't', eta: '2030-07-01T12:00:00' }
    const zone = 'Europe/Berlin'
    expect(decodeTaskV1(body, {}).head.group).toBe('t')
    expect(decodeTaskV1(body, {}, { zone }).head.etaMs).toBe(Date.UTC(2030, 6, 1, 12))
    expect(decodeTaskV1({ ...body, utc: false }, {}, { zone }).head.etaMs).toBe(Date.UTC(2030, 6, 1, 10))
  })

  it.each([[null], [[]], [{}], [{ task: null }], [{ task: 5, id: 'x' }], [{ task: 'a', id: 'x', args: 'y' }]])(
    'refuses %j',
    (body) => {
      expect(() => decodeTaskV1(body, {})).toThrow(InvalidTaskError)
    },
  )
})

describe('anything', () => {
  const data = fc.jsonValue()
  const kwargs = fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    data,
  )
  const signature = fc
    .record({ task: fc.string(), args: fc.array(data), kwargs })
    .map((fields) => signatureData(fields))
  const time = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
  const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined })
  const name = fc.string({ minLength: 1 })

  it('that is sent is received', () => {
    const calls = fc.record({
      id: name,
      name,
      args: fc.array(data),
      kwargs,
      origin: fc.string(),
      eta: optional(time),
      expires: optional(time),
      rootId: optional(name),
      parentId: optional(name),
      groupId: optional(name),
      groupIndex: optional(fc.nat()),
      shadow: optional(fc.string()),
      retries: optional(fc.nat()),
      timeLimit: optional(fc.integer({ min: 1 })),
      softTimeLimit: optional(fc.integer({ min: 1 })),
      ignoreResult: optional(fc.boolean()),
      stamps: optional(kwargs),
      callbacks: optional(fc.array(signature)),
      chain: optional(fc.array(signature)),
      chord: optional(signature),
    })
    fc.assert(
      fc.property(calls, (sent) => {
        const { headers, properties, body } = JSON.parse(JSON.stringify(encodeTask(sent)))
        const head = decodeTaskHead(headers, properties)
        expect(head).toMatchObject({
          id: sent.id,
          name: sent.name,
          rootId: sent.rootId ?? sent.id,
          parentId: sent.parentId,
          group: sent.groupId,
          groupIndex: sent.groupIndex,
          shadow: sent.shadow,
          etaMs: sent.eta,
          expiresMs: sent.expires,
          retries: sent.retries ?? 0,
          timelimit: [sent.timeLimit, sent.softTimeLimit],
          ignoreResult: sent.ignoreResult ?? false,
          origin: sent.origin,
        })
        const { args, kwargs: named, embed } = decodeTaskBody(body)
        const { callbacks = null, chain = null, chord = null } = sent
        expect({ args, named, embed }).toEqual(
          JSON.parse(
            JSON.stringify({
              args: sent.args,
              named: sent.kwargs,
              embed: { callbacks, errbacks: null, chain, chord },
            }),
          ),
        )
      }),
    )
  })

  it('that is garbage is an error of ours', () => {
    const field = fc.constantFrom(
      ...Object.keys(encodeTask(call()).headers),
      'args',
      'kwargs',
      'callbacks',
      '__proto__',
    )
    const records = fc.dictionary(field, fc.oneof(data, fc.string()))
    const bodies = fc.oneof(data, records, fc.array(data, { maxLength: 4 }), fc.anything())
    fc.assert(
      fc.property(records, bodies, (headers, body) => {
        for (const decode of [
          () => decodeTaskHead(headers, {}),
          () => decodeTaskHead({ id: 'x', task: 'y', ...headers }, {}),
          () => decodeTaskBody(body),
          () => decodeTaskBody([[], {}, body]),
          () => decodeTaskV1(body, {}),
          () => decodeTaskV1({ task: 'x', id: 'y', ...headers }, {}),
        ]) {
          try {
            expect(decode()).toBeDefined()
          } catch (error) {
            if (!CeleryError.isCeleryError(error)) throw error
          }
        }
      }),
    )
  })

  it('may be nested as deep as it likes', () => {
    let deep: unknown = {}
    for (let level = 0; level < 100_000; level += 1) deep = level % 2 === 0 ? [deep] : { deep }
    expect(encodeTask(call({ args: [deep] })).headers['argsrepr']).toBe("({'deep': [{...}]},)")
    expect(decodeTaskBody([[deep], { deep }, { deep }]).args).toHaveLength(1)
    expect(() => decodeTaskHead({ id: 'x', task: deep }, {})).toThrow(InvalidTaskError)
    expect(() => decodeTaskBody(deep)).toThrow(InvalidTaskError)
    expect(() => decodeTaskBody([[], {}, { chain: [deep] }])).toThrow(InvalidTaskError)
  })
})
