import { describe, expect, it } from 'vitest'
import { TaskTable } from '../../../src/events/task-table.ts'
import type { TaskRecord } from '../../../src/events/task-record.ts'

/** A task that is told of with this parent. */
function tell(table: TaskTable, uuid: string, parentId?: string): TaskRecord {
  const task = table.get(uuid) ?? table.add(uuid)
  task.parentId = parentId
  table.relate(task)
  return task
}

const idsOf = (tasks: Iterable<TaskRecord>): string[] => [...tasks].map((task) => task.uuid)

describe('the size', () => {
  it('is bounded: the first goes, and no entry leads to it', () => {
    const table = new TaskTable(2)
    const first = table.add('a')
    table.add('b')
    table.add('c')
    expect([...table.all.keys()]).toEqual(['b', 'c'])
    expect(first.ref.item).toBeUndefined()
  })

  it('spares parents that children tell of', () => {
    const table = new TaskTable(3)
    tell(table, 'parent')
    tell(table, 'other')
    tell(table, 'child', 'parent')
    tell(table, 'new')
    expect([...table.all.keys()]).toEqual(['child', 'parent', 'new'])
  })
})

describe('parents and children', () => {
  it('find each other in any order', () => {
    const table = new TaskTable(10)
    tell(table, 'early', 'parent')
    tell(table, 'early', 'parent')
    const parent = tell(table, 'parent')
    tell(table, 'late', 'parent')
    expect(idsOf(parent.children)).toEqual(['early', 'late'])
  })

  it('are forgotten by all parents that were ever named', () => {
    const table = new TaskTable(3)
    const parent = tell(table, 'parent')
    tell(table, 'child', 'parent')
    tell(table, 'child', 'other')
    tell(table, 'a', 'parent')
    tell(table, 'b', 'parent')
    expect(idsOf(parent.children)).toEqual(['a', 'b'])
    expect(idsOf(tell(table, 'other').children)).toEqual([])
  })

  it('are forgotten together with what was expected of them', () => {
    const table = new TaskTable(2)
    tell(table, 'a', 'parent')
    tell(table, 'b', 'parent')
    tell(table, 'c', 'parent')
    const parent = tell(table, 'parent')
    expect(idsOf(parent.children)).toEqual(['c'])
    tell(table, 'd')
    tell(table, 'e')
    expect(idsOf(parent.children)).toEqual([])
  })
})
