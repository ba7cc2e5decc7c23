import { describe, expect, expectTypeOf, it } from 'vitest'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import type { Result } from '../../../src/result/result.ts'
import { resultPlace } from '../../support/results.ts'
import type { ResultPlace } from '../../support/results.ts'

const task = <R = unknown>({ host }: ResultPlace, id: string, parent?: Result): AsyncResult<R> =>
  new AsyncResult<R>(id, host, { parent })

describe('the result of a group', () => {
  it('is a set with an id, a parent and children', async () => {
    const place = await resultPlace()
    const parent = task(place, 'p')
    const group = new GroupResult('g', [task(place, 'a'), task(place, 'b')], place.host, { parent })
    expect([group.id, group.parent, group.length]).toEqual(['g', parent, 2])
    expect((await group.children()).map(({ id }) => id)).toEqual(['a', 'b'])
    expect(group.asTuple()).toEqual([
      ['g', [['p', null], null]],
      [
        [['a', null], null],
        [['b', null], null],
      ],
    ])
    expect(JSON.parse(JSON.stringify(group))).toEqual(group.asTuple())
    expect(group.asList()).toEqual(['a', 'b', 'p'])
  })

  it('has the types of its tasks', async () => {
    const place = await resultPlace()
    const [a, b] = [task<number>(place, 'a'), task<string>(place, 'b')]
    const pair = new GroupResult<[number, string]>('g', [a, b], place.host)
    const many = new GroupResult<number[]>('g', [a, a], place.host)
    await place.succeed('a', 1)
    await place.succeed('b', 'x')
    const values = await pair.get()
    expectTypeOf(values).toEqualTypeOf<[number, string]>()
    expectTypeOf(await pair.results[1].get()).toEqualTypeOf<string>()
    expectTypeOf(await many.get()).toEqualTypeOf<number[]>()
    for await (const [result, value] of many) {
      expectTypeOf(value).toEqualTypeOf<number | Error>()
      expectTypeOf(await result.get()).toEqualTypeOf<number>()
    }
    // @ts-expect-error a number where a text is wanted
    const wrong = new GroupResult<[number, string]>('g', [a, a], place.host)
    expect([values, wrong.length]).toEqual([[1, 'x'], 2])
  })

  it('never comes when what it follows has failed, and says so', async () => {
    const place = await resultPlace()
    const chord = new GroupResult('header', [task(place, 'h')], place.host, { parent: task(place, 'first') })
    const group = new GroupResult('g', [task(place, 'a'), task(place, 'b')], place.host, { parent: chord })
    await place.succeed('a', 1)
    const waiting = group.get()
    await place.fail('first', 'FirstError')
    await expect(waiting).rejects.toMatchObject({ name: 'FirstError' })
    expect(await group.get({ propagate: false })).toEqual([1, expect.objectContaining({ name: 'FirstError' })])
    const seen: unknown[] = []
    for await (const [{ id }, value] of group) seen.push([id, value instanceof Error ? value.name : value])
    expect(seen).toEqual([
      ['a', 1],
      ['b', 'FirstError'],
    ])
    await expect(group.get({ followParents: false, timeout: 0.01 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('is no thenable: it is handed out before its tasks have run', () => {
    expect('then' in GroupResult.prototype || 'then' in AsyncResult.prototype).toBe(false)
  })

  it('is revoked with the chains in it, and with what it follows where that is wanted', async () => {
    const place = await resultPlace()
    const members = [task(place, 'a', task(place, 'a-before')), task(place, 'b')]
    const group = new GroupResult('g', members, place.host, { parent: task(place, 'p') })
    await group.revoke()
    await group.revoke({ parents: true, terminate: true })
    expect(place.revoked.map(({ ids }) => ids)).toEqual([
      ['a', 'a-before', 'b'],
      ['a', 'a-before', 'b', 'p'],
    ])
  })

  it('is saved as its tuple, in its own backend or in another', async () => {
    const [place, other] = [await resultPlace('sqlite'), await resultPlace()]
    const group = new GroupResult('g', [task(place, 'a')], place.host)
    await group.save()
    expect(await place.backend.restoreGroup('g')).toEqual({ result: group.asTuple() })
    await group.save(other.backend)
    await group.delete()
    expect(await place.backend.restoreGroup('g')).toBeUndefined()
    expect(await other.backend.restoreGroup('g')).toEqual({ result: group.asTuple() })
    await group.delete(other.backend)
    expect(await other.backend.restoreGroup('g')).toBeUndefined()
    await place.backend.close()
  })
})
