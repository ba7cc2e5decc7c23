import { describe, expect, it } from 'vitest'
import { LocalWatch } from '../../../src/backend/local-watch.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import { createLogger } from '../../../src/util/logger.ts'

function fixture(read: (taskId: string) => TaskMeta | undefined): {
  watch: LocalWatch
  told: string[]
  lines: string[]
  onMeta: { throws: boolean }
} {
  const told: string[] = []
  const lines: string[] = []
  const onMeta = { throws: false }
  const watch = new LocalWatch({
    logger: createLogger({ level: 'ERROR', write: (record) => lines.push(record.message) }),
    read,
    onMeta: (meta) => {
      told.push(meta.task_id)
      if (onMeta.throws) throw new Error('not mine')
    },
    onError: (error) => told.push(error.message),
    onStop: () => told.push('stopped'),
  })
  return { watch, told, lines, onMeta }
}

const meta = (taskId: string): TaskMeta => ({ task_id: taskId, status: 'SUCCESS' }) as TaskMeta
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('LocalWatch', () => {
  it('tells of what was touched, once, when the code that touched it is done', async () => {
    const { watch, told } = fixture(meta)
    watch.touch('a')
    watch.touch('b')
    watch.touch('a')
    expect(told).toEqual([])
    await turn()
    expect(told).toEqual(['a', 'b'])
  })

  it('says nothing of what is not there, or when it is stopped', async () => {
    const { watch, told } = fixture((taskId) => (taskId === 'a' ? undefined : meta(taskId)))
    watch.touch('a')
    await turn()
    watch.touch('b')
    watch.stop()
    await turn()
    expect(told).toEqual(['stopped'])
  })

  it('ends with a document that cannot be read', async () => {
    const { watch, told } = fixture(() => {
      throw new Error('unreadable')
    })
    watch.touch('a')
    await turn()
    expect(told).toEqual(['stopped', 'unreadable'])
  })

  it('logs what a listener throws, and goes on', async () => {
    const { watch, told, lines, onMeta } = fixture(meta)
    onMeta.throws = true
    watch.touch('a')
    watch.touch('b')
    await turn()
    expect(told).toEqual(['a', 'b'])
    expect(lines).toHaveLength(2)
  })
})
