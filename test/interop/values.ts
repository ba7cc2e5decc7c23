/** Values of all kinds, through every serializer and compression that both sides have. */
import { describe, expect, it } from 'vitest'
import { Decimal, PythonDate, PythonDateTime, PythonTime, Uuid } from '../../src/serialization/values.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Received, Sides } from './side.ts'

const COMPRESSIONS = ['gzip', 'zlib', 'bzip2', 'brotli', 'lzma', 'zstd']
const SERIALIZERS = ['json', 'pickle', 'yaml', 'msgpack']
/** The same in both languages. */
const PLAIN = "{'text': 'héllo 世界', 'list': [1, -2.5, None, True, 2**53 - 1], 'nested': {'a': [{}]}}"
const PLAIN_HERE = { text: 'héllo 世界', list: [1, -2.5, null, true, 2 ** 53 - 1], nested: { a: [{}] } }

const MOMENT = 'datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc)'
const MOMENT_TEXT = '2026-01-02T03:04:05.678901+00:00'
const UUID_TEXT = '6f5902ac-237f-4d5e-9cbb-0a3f4b1d7c11'

/** What Python has, by its expression, and what it is here. */
type Expected = Readonly<Record<string, unknown>>

const TAGGED: Expected = {
  [MOMENT]: new PythonDateTime(MOMENT_TEXT),
  'datetime.date(2026, 1, 2)': new PythonDate('2026-01-02'),
  'datetime.time(3, 4, 5)': new PythonTime('03:04:05'),
  "Decimal('1.10')": new Decimal('1.10'),
  [`UUID('${UUID_TEXT}')`]: new Uuid(UUID_TEXT),
  "b'abc'": Buffer.from('abc'),
  "b'\\x00\\xff'": Buffer.from([0, 255]),
}

/** What kombu before 5.3 makes of them in JSON. */
const UNTAGGED: Expected = {
  [MOMENT]: '2026-01-02T03:04:05.678901Z',
  'datetime.date(2026, 1, 2)': '2026-01-02T00:00:00',
  'datetime.time(3, 4, 5)': '03:04:05',
  "Decimal('1.10')": '1.10',
  [`UUID('${UUID_TEXT}')`]: UUID_TEXT,
}

const SENT: Readonly<Record<string, Expected>> = {
  json: { '2**70': 2n ** 70n, "float('inf')": Infinity, '(1, (2,))': [1, [2]], "{1: 'a'}": { 1: 'a' } },
  pickle: { ...TAGGED, '2**70': 2n ** 70n, "float('inf')": Infinity, '(1, (2,))': [1, [2]], '{1, 2}': new Set([1, 2]) },
  yaml: {
    [MOMENT]: TAGGED[MOMENT],
    'datetime.date(2026, 1, 2)': TAGGED['datetime.date(2026, 1, 2)'],
    "b'\\x00\\xff'": Buffer.from([0, 255]),
    '{1, 2}': new Set([1, 2]),
    "float('inf')": Infinity,
    "'yes'": 'yes',
  },
  msgpack: { "b'\\x00\\xff'": Buffer.from([0, 255]), "float('inf')": Infinity, '(1, (2,))': [1, [2]] },
}

/** What is sent from here, and what Python says that it is. */
const RECEIVED: Readonly<Record<string, readonly (readonly [value: unknown, type: string, repr: string])[]>> = {
  json: [
    [2n ** 70n, 'int', '1180591620717411303424'],
    [Infinity, 'float', 'inf'],
    [1.5, 'float', '1.5'],
    [new Map([['a', 1]]), 'dict', "{'a': 1}"],
  ],
  pickle: [
    [
      new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
      'datetime',
      'datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)',
    ],
    [new PythonDate('2026-01-02'), 'date', 'datetime.date(2026, 1, 2)'],
    [new PythonTime('03:04:05'), 'time', 'datetime.time(3, 4, 5)'],
    [new Decimal('1.10'), 'Decimal', "Decimal('1.10')"],
    [new Uuid(UUID_TEXT), 'UUID', `UUID('${UUID_TEXT}')`],
    [Buffer.from([0, 255]), 'bytes', "b'\\x00\\xff'"],
    [new Set([1]), 'set', '{1}'],
    [2n ** 70n, 'int', '1180591620717411303424'],
  ],
  yaml: [
    [
      new PythonDateTime(MOMENT_TEXT),
      'datetime',
      'datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)',
    ],
    [new PythonDate('2026-01-02'), 'date', 'datetime.date(2026, 1, 2)'],
    [Buffer.from([0, 255]), 'bytes', "b'\\x00\\xff'"],
    [new Set([1]), 'set', '{1}'],
    ['no', 'str', "'no'"],
    ['2026-01-02', 'str', "'2026-01-02'"],
  ],
  msgpack: [
    [Buffer.from([0, 255]), 'bytes', "b'\\x00\\xff'"],
    [2n ** 63n, 'int', '9223372036854775808'],
    [Infinity, 'float', 'inf'],
  ],
}

export function testValues(sides: () => Sides): void {
  describe('values from Python', () => {
    it.each(SERIALIZERS)('are what they were there: %s', async (serializer) => {
      const { python, received, untagged } = sides()
      const expected = { ...SENT[serializer], ...(serializer === 'json' ? (untagged ? UNTAGGED : TAGGED) : {}) }
      const calls = Object.keys(expected).map(
        (value) => `app.send_task('ts.echo', (${value},), serializer='${serializer}', ignore_result=True).id`,
      )
      const ids = await python.evaluate<string[]>(`[${calls.join(', ')}]`)
      await waitForAll(ids, received)
      for (const [index, [expression, value]] of Object.entries(expected).entries()) {
        expect(received.get(ids[index] as string)?.value, `${serializer}: ${expression}`).toEqual(value)
      }
    })

    it.each(SERIALIZERS)('come through every compression: %s', async (serializer) => {
      const { python, received } = sides()
      const call = `app.send_task('ts.echo', (${PLAIN},), serializer='${serializer}', compression=c, ignore_result=True).id`
      const ids = await python.evaluate<string[]>(`[${call} for c in ${JSON.stringify(COMPRESSIONS)}]`)
      await waitForAll(ids, received)
      for (const id of ids) expect(received.get(id)?.value).toEqual(PLAIN_HERE)
    })
  })

  describe('values from TypeScript', () => {
    it.each(SERIALIZERS)('are what they were here: %s', async (serializer) => {
      const { app } = sides()
      const rows = RECEIVED[serializer] ?? []
      const results = await app.sendTasks(
        rows.map(([value]) => ({ name: 'py.describe', args: [value], options: { serializer } })),
      )
      for (const [index, [, type, repr]] of rows.entries()) {
        expect(await results[index]?.get({ timeout: 10 })).toEqual([[type, repr]])
      }
    })

    it.each(SERIALIZERS)('come through every compression: %s', async (serializer) => {
      const { app } = sides()
      const options = COMPRESSIONS.map((compression) => ({ serializer, compression }))
      const calls = options.map((each) => ({ name: 'py.echo', args: [PLAIN_HERE], options: each }))
      for (const result of await app.sendTasks(calls)) expect(await result.get({ timeout: 10 })).toEqual(PLAIN_HERE)
    })

    it('have tags in JSON, which kombu knows from 5.3 on', async () => {
      const { app, untagged } = sides()
      const result = await app.sendTask('py.describe', [new Date(0), new Decimal('1.10'), Buffer.from([255])])
      const texts = ['datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)', "Decimal('1.10')", "b'\\xff'"]
      const found = (await result.get({ timeout: 10 })) as [type: string, repr: string][]
      if (untagged) expect(found.map(([type]) => type)).toEqual(['dict', 'dict', 'dict'])
      else expect(found.map(([, repr]) => repr)).toEqual(texts)
    })

    it('may be written as plain JSON for a kombu that knows no tags', async () => {
      const { makeApp, python } = sides()
      const app = makeApp()
      app.serialization.register({
        name: 'json',
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        encode: (value) => JSON.stringify(value),
        decode: (body) => JSON.parse(String(body)),
      })
      try {
        const result = await app.sendTask('py.describe', [new Date(0), new Decimal('1.10')])
        expect(await result.get({ timeout: 10 })).toEqual([
          ['str', "'1970-01-01T00:00:00.000Z'"],
          ['str', "'1.10'"],
        ])
        const moment = "datetime.datetime.fromisoformat('1970-01-01T00:00:00.000Z').timestamp()"
        expect(await python.evaluate(moment)).toBe(0)
      } finally {
        await app.close()
      }
    })
  })

  describe('results', () => {
    it.each(SERIALIZERS)('of Python are read here: %s', async (serializer) => {
      const { python, makeApp } = sides()
      const backend = `make_app(result_serializer='${serializer}').backend`
      const stored = `kept.update(id=str(uuid4())) or ${backend}.store_result(kept['id'], ${PLAIN}, 'SUCCESS')`
      await python.evaluate(stored)
      const id = await python.evaluate<string>("kept['id']")
      await python.evaluate(`${backend}.store_result(kept['id'] + '!', ValueError('bad', 1), 'FAILURE')`)
      const app = makeApp({ resultSerializer: serializer })
      try {
        expect(await app.asyncResult(id).get({ timeout: 10 })).toEqual(PLAIN_HERE)
        const error = { name: 'ValueError', args: ['bad', 1] }
        await expect(app.asyncResult(`${id}!`).get({ timeout: 10 })).rejects.toMatchObject(error)
      } finally {
        await app.close()
      }
    })

    it.each(SERIALIZERS)('of TypeScript are read in Python: %s', async (serializer) => {
      const { makeApp, python } = sides()
      const app = makeApp({ resultSerializer: serializer, taskDefaultQueue: `results.${serializer}`, taskRoutes: {} })
      const give = app.task('give', () => PLAIN_HERE)
      const fail = app.task('fail', () => {
        throw new RangeError('bad')
      })
      const worker = app.worker({ pool: 'solo', hostname: `results.${serializer}@localhost` })
      try {
        await worker.start()
        const [good, bad] = [await give.delay(), await fail.delay()]
        const client = `make_app(result_serializer='${serializer}')`
        expect(await python.evaluate(`${client}.AsyncResult('${good.id}').get(timeout=10) == ${PLAIN}`)).toBe(true)
        await expect(python.evaluate(`${client}.AsyncResult('${bad.id}').get(timeout=10)`)).rejects.toMatchObject({
          type: 'ValueError',
          args: ['bad'],
        })
      } finally {
        await worker.stop('cold')
        await app.close()
      }
    })
  })
}

async function waitForAll(ids: readonly string[], received: ReadonlyMap<string, Received>): Promise<void> {
  await waitFor(() => ids.every((id) => received.has(id)), { what: 'all messages from Python' })
}
