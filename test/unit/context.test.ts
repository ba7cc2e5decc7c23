import { describe, expect, it } from 'vitest'
import { activeExecution, runInExecution, runOutside } from '../../src/context.ts'
import type { ActiveExecution } from '../../src/context.ts'

const execution = (taskId: string): ActiveExecution => ({
  taskId,
  rootId: taskId,
  priority: undefined,
  children: [],
  joinWillBlock: true,
  context: undefined,
})

describe('the active execution', () => {
  it('follows promises and timers, and keeps executions apart', async () => {
    const seen = (id: string): Promise<string | undefined> =>
      runInExecution(execution(id), async () => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        return activeExecution()?.taskId
      })
    expect(await Promise.all([seen('a'), seen('b')])).toEqual(['a', 'b'])
    expect(activeExecution()).toBeUndefined()
  })

  it('is not that of what runs outside', async () => {
    const seen = await runInExecution(execution('a'), async () => [
      await runOutside(() => Promise.resolve(activeExecution())),
      activeExecution()?.taskId,
    ])
    expect(seen).toEqual([undefined, 'a'])
  })

  it('is not that of what runs outside after another execution either', () => {
    const seen = runInExecution(execution('a'), () =>
      runOutside(() => {
        runInExecution(execution('b'), () => undefined)
        return activeExecution()
      }),
    )
    expect(seen).toBeUndefined()
  })
})
