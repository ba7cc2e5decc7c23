/** Results as Celery stored them, read by what a caller holds: values, children, groups and chords. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GROUP_KEY_PREFIX, taskKey } from '../../src/protocol/names.ts'
import { decodeGroupMeta, decodeTaskMeta } from '../../src/protocol/result.ts'
import type { ResultTuple } from '../../src/protocol/result.ts'
import { AsyncResult, resultFromTuple } from '../../src/result/async-result.ts'
import { GroupResult } from '../../src/result/group-result.ts'
import { SavedGroups } from '../../src/result/saved-groups.ts'
import { SerializationRegistry } from '../../src/serialization/registry.ts'
import { ROOT } from '../support/sources.ts'
import { resultPlace } from '../support/results.ts'
import type { ResultPlace } from '../support/results.ts'

interface Recorded {
  readonly name: string
  readonly keys: readonly { readonly key: string; readonly raw: string }[]
}

const recorded = JSON.parse(readFileSync(join(ROOT, 'test/wire/redis-results.json'), 'utf8')) as Recorded[]

/** A backend that holds what Celery had stored after this call. */
async function after(name: string): Promise<ResultPlace & { task(id: string): AsyncResult; groupIds: string[] }> {
  const place = await resultPlace()
  const groupIds: string[] = []
  for (const { key, raw } of recorded.find((one) => one.name === name)?.keys ?? []) {
    // The counters of a chord are no documents.
    if (!raw.startsWith('{')) continue
    if (key.startsWith(GROUP_KEY_PREFIX)) {
      groupIds.push(key.slice(GROUP_KEY_PREFIX.length))
      await place.backend.saveGroup(groupIds.at(-1) ?? '', decodeGroupMeta(JSON.parse(raw)))
    } else {
      const meta = decodeTaskMeta(JSON.parse(raw))
      expect(key).toBe(taskKey(meta.task_id))
      await place.put(meta)
    }
  }
  return { ...place, task: (id) => new AsyncResult(id, place.host), groupIds }
}

describe('what Celery stored', () => {
  it.each([
    ['link', ['r-link', 'r-linked'], [2, 10]],
    ['chain', ['r-c1', 'r-c2'], [2, 8]],
  ])('of a %s is a tree', async (name, [first = '', second = ''], values) => {
    const { task } = await after(name)
    const collected: unknown[] = []
    for await (const [{ id }, value] of task(first).collect()) collected.push([id, value])
    expect(collected).toEqual([
      [first, values[0]],
      [second, values[1]],
    ])
    expect(await task(first).getLeaf()).toBe(values[1])
    expect(Object.fromEntries((await task(first).graph()).edges)).toEqual({ [first]: [second], [second]: [] })
  })

  it('of a group is read as one', async () => {
    const { host, task } = await after('group')
    const group = new GroupResult('g', [task('r-g1'), task('r-g2')], host)
    expect([await group.get(), await group.successful(), await group.completedCount()]).toEqual([[2, 4], true, 2])
  })

  it('of a saved group is that group, and is written as Celery writes it', async () => {
    const { host, backend, groupIds } = await after('group_saved')
    const [groupId = ''] = groupIds
    const group = await new SavedGroups(host).restore<[number, number]>(groupId)
    expect(group?.results.map(({ id }) => id)).toEqual(['r-s1', 'r-s2'])
    expect(await group?.get()).toEqual([2, 4])
    const stored = await backend.restoreGroup(groupId)
    await group?.save()
    expect(await backend.restoreGroup(groupId)).toEqual(stored)
  })

  it('of a chord is its body behind its header', async () => {
    const { host, task } = await after('chord')
    const header = new GroupResult('g', [task('r-h1'), task('r-h2')], host)
    const body = new AsyncResult('r-body', host, { parent: header })
    expect([await body.get(), await header.get()]).toEqual([6, [2, 4]])
  })

  it('of a chord that failed is the error of its header, and of its body where only that counts', async () => {
    const { host, task } = await after('chord_failure')
    const header = new GroupResult('g', [task('r-fh1'), task('r-fh2')], host)
    const body = new AsyncResult('r-fbody', host, { parent: header })
    await expect(body.get()).rejects.toMatchObject({ name: 'ValueError', args: ['x'] })
    await expect(body.get({ followParents: false })).rejects.toMatchObject({
      name: 'ChordError',
      message: "Dependency r-fh2 raised ValueError('x')",
    })
    expect(await header.get({ propagate: false })).toEqual([2, expect.objectContaining({ name: 'ValueError' })])
  })

  it.each(['json', 'yaml', 'msgpack', 'pickle'])('of results that tasks return is their tuple: %s', async (name) => {
    const { host, task } = await after('group')
    const tree = new GroupResult('g', [task('r-g1'), task('r-g2')], host, { parent: task('p') })
    const tuple: ResultTuple = [
      ['g', [['p', null], null]],
      [
        [['r-g1', null], null],
        [['r-g2', null], null],
      ],
    ]
    const serialization = new SerializationRegistry()
    await serialization.load([name])
    const serializer = serialization.serializer(name)
    expect(serializer.decode(serializer.encode({ result: [tree] }))).toEqual({ result: [tuple] })
    const back = resultFromTuple(tuple, host)
    expect([back.asTuple(), await back.get()]).toEqual([tuple, [2, 4]])
  })
})
