/**
 * What `ChordStore` promises: parts count once, whoever brings the last is told, the body is sent by one. Part of
 * `testBackend`, for backends that count.
 */
import assert from 'node:assert/strict'
import type { ChordProgress, ChordStore, ResultBackend, ReturnedHeader, ReturningPart } from '../backend/backend.ts'
import { storeResult } from '../backend/storing.ts'
import { CeleryError } from '../errors.ts'
import type { ChordPart, GroupMeta } from '../protocol/result.ts'
import { FAILURE, SUCCESS } from '../protocol/states.ts'
import { until } from './suite.ts'

type Open = (resultExpiresMs?: number) => Promise<ResultBackend>
type Test = (name: string, body: (open: Open) => Promise<void>) => void

interface Part {
  readonly index?: number | undefined
  readonly result?: unknown
  readonly status?: string
  readonly claim?: string
}

async function chordsOf(open: Open, resultExpiresMs?: number): Promise<ChordStore> {
  const { chords } = await open(resultExpiresMs)
  assert.ok(chords !== undefined, 'this backend counts')
  return chords
}

function bring(chords: ChordStore, taskId: string, part: Part = {}): Promise<ChordProgress> {
  const { index = Number(taskId.slice(1)), result = taskId, status = SUCCESS, claim = taskId } = part
  return returnTo(chords, 'g1', { taskId, status, result, claim, index })
}

async function returnTo(chords: ChordStore, groupId: string, part: Required<Part> & ChordPart): Promise<ChordProgress> {
  const { taskId, index, claim } = part
  const body = chords.encodePart(part)
  const returned: ReturningPart = { groupId, taskId, index, claim, body, progress: undefined }
  await chords.returnPart(returned)
  const { progress } = returned
  if (progress === undefined || progress instanceof Error) throw progress ?? new Error('the part was not counted')
  return progress
}

function headerOf(progress: ChordProgress): ReturnedHeader {
  if (progress.kind !== 'complete') assert.fail(`The chord is not complete: ${progress.kind}`)
  return progress.read()
}

function values(progress: ChordProgress): unknown[] {
  return headerOf(progress).parts.map((part) => part.result)
}

const COUNTED: ChordProgress = { kind: 'counted' }

/** Declare the tests. */
export function testChords(test: Test, shortestExpiryMs: number): void {
  test('the last part is told all, in the order of the header', async (open) => {
    const [chords, other] = [await chordsOf(open), await chordsOf(open)]
    await chords.setChordSize('g1', 12)
    for (const index of [11, 3, 0, 7, 10, 1, 9, 2, 8, 4, 6]) {
      assert.deepEqual(await bring(other, `t${String(index)}`), COUNTED)
    }
    const progress = await bring(chords, 't5', { result: { deep: [1, 'é🥕', null] } })
    assert.deepEqual(values(progress), [
      ...['t0', 't1', 't2', 't3', 't4'],
      { deep: [1, 'é🥕', null] },
      ...['t6', 't7', 't8', 't9', 't10', 't11'],
    ])
  })

  test('parts may come before the size is known', async (open) => {
    const chords = await chordsOf(open)
    assert.deepEqual(await bring(chords, 't0'), COUNTED)
    assert.deepEqual(await bring(chords, 't1'), COUNTED)
    await chords.setChordSize('g1', 3)
    assert.deepEqual(values(await bring(chords, 't2')), ['t0', 't1', 't2'])
  })

  test('chords do not see each other', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 1)
    await chords.setChordSize('g2', 1)
    assert.deepEqual(values(await bring(chords, 't0')), ['t0'])
    const part = { taskId: 't0', index: 0, status: SUCCESS, result: 2, claim: 'c' }
    assert.deepEqual(values(await returnTo(chords, 'g2', part)), [2])
  })

  test('failures are parts too, with their state and exception', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 2)
    const result = { exc_type: 'ValueError', exc_message: ['x'], exc_module: 'builtins' }
    await bring(chords, 't0', { status: FAILURE, result })
    const { parts } = headerOf(await bring(chords, 't1', { result: null }))
    assert.deepEqual(parts, [
      { taskId: 't0', status: FAILURE, result },
      { taskId: 't1', status: SUCCESS, result: null },
    ])
  })

  test('what was saved of a header comes with its parts', async (open) => {
    const backend = await open()
    const chords = backend.chords as ChordStore
    for (const id of ['g1', 'g2']) await chords.setChordSize(id, 1)
    const saved: GroupMeta = { result: [['g1', null], [[['t0', null], null]]] }
    await backend.saveGroup('g1', saved)
    assert.deepEqual(headerOf(await bring(chords, 't0')).saved, saved)
    const part = { taskId: 't0', index: 0, status: SUCCESS, result: 2, claim: 'c' }
    assert.equal(headerOf(await returnTo(chords, 'g2', part)).saved, undefined)
  })

  test('a part that comes twice counts once, and what it said last counts', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 3)
    await bring(chords, 't0', { result: 'first' })
    assert.deepEqual(await bring(chords, 't0', { result: 'first' }), COUNTED)
    assert.deepEqual(await bring(chords, 't0', { result: { said: 'later' } }), COUNTED)
    assert.deepEqual(await bring(chords, 't1'), COUNTED)
    assert.deepEqual(values(await bring(chords, 't2')), [{ said: 'later' }, 't1', 't2'])
  })

  test('parts in one place, or in none, are parts by their tasks', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 4)
    await bring(chords, 't1', { index: 0 })
    await bring(chords, 't10', { index: 0 })
    await bring(chords, 't2', { index: undefined, result: 'old' })
    await bring(chords, 't2', { index: undefined, result: 'new' })
    const progress = await bring(chords, 't3', { index: undefined })
    assert.deepEqual([...values(progress)].sort(), ['new', 't1', 't10', 't3'])
    assert.deepEqual([...values(progress).slice(0, 2)].sort(), ['t1', 't10'])
  })

  test('parts that are added later are waited for', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 2)
    await chords.addParts('g1', 2)
    for (const id of ['t0', 't1', 't2']) assert.deepEqual(await bring(chords, id), COUNTED)
    assert.equal(values(await bring(chords, 't3')).length, 4)
  })

  test('of many who bring parts at once exactly one is told', async (open) => {
    const stores = [await chordsOf(open), await chordsOf(open), await chordsOf(open)]
    await stores[0]?.setChordSize('g1', 60)
    const bringing = Array.from({ length: 60 }, (_, index) =>
      bring(stores[index % stores.length] as ChordStore, `t${String(index)}`, { result: index }),
    )
    const complete = (await Promise.all(bringing)).filter(({ kind }) => kind === 'complete')
    assert.equal(complete.length, 1)
    assert.deepEqual(
      values(complete[0] as ChordProgress),
      Array.from({ length: 60 }, (_, index) => index),
    )
  })

  test('nobody else sends the body while the claim holds; whoever has it may ask again', async (open) => {
    const [chords, other] = [await chordsOf(open), await chordsOf(open)]
    await chords.setChordSize('g1', 2)
    await bring(chords, 't0')
    assert.deepEqual(values(await bring(chords, 't1', { claim: 'mine' })), ['t0', 't1'])
    const progress = await bring(other, 't1', { claim: 'of another' })
    assert.ok(progress.kind === 'claimed' && progress.againMs > 0)
    assert.deepEqual(values(await bring(chords, 't1', { claim: 'mine' })), ['t0', 't1'])
  })

  test('a closed chord stays closed, whatever comes again, until it is opened anew', async (open) => {
    const [chords, other] = [await chordsOf(open), await chordsOf(open)]
    await chords.setChordSize('g1', 1)
    await bring(chords, 't0')
    await chords.closeChords(['g1'])
    await chords.closeChords(['g1'])
    assert.deepEqual(await bring(other, 't0', { claim: 'late' }), COUNTED)
    await other.setChordSize('g1', 2)
    assert.deepEqual(await bring(other, 't0', { claim: 'new' }), COUNTED)
    assert.deepEqual(values(await bring(chords, 't1')), ['t0', 't1'])
  })

  test('a value that has no form is an EncodeError, and is no part', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 1)
    await assert.rejects(
      bring(chords, 't0', { result: Symbol('none') }),
      (error) => CeleryError.isCeleryError(error) && error.code === 'ENCODE_ERROR',
    )
    assert.deepEqual(values(await bring(chords, 't0')), ['t0'])
  })

  test('a chord of 2,000 parts', async (open) => {
    const chords = await chordsOf(open)
    await chords.setChordSize('g1', 2000)
    const bringing = Array.from({ length: 2000 }, (_, index) => bring(chords, `t${String(index)}`, { result: index }))
    const complete = (await Promise.all(bringing)).filter(({ kind }) => kind === 'complete')
    assert.equal(complete.length, 1)
    assert.equal(values(complete[0] as ChordProgress).at(-1), 1999)
  })

  test('an unfinished chord expires like results', async (open) => {
    const [passing, lasting] = [await open(shortestExpiryMs), await chordsOf(open)]
    const chords = passing.chords as ChordStore
    await chords.setChordSize('g1', 2)
    await bring(chords, 't0')
    const meta = { task_id: 't0', status: SUCCESS, result: 1, traceback: null, children: [], date_done: null }
    // What was stored later goes later.
    await storeResult(passing, passing.encodeResult(meta))
    await until('it is gone', async () => {
      await passing.cleanup()
      return (await passing.getMeta('t0')) === undefined
    })
    assert.deepEqual(await bring(lasting, 't1'), COUNTED)
  })
}
