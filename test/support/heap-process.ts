/** Writes a heap snapshot with the worker's command: in a process of its own, for that of the tests is large. */
import { systemClock } from '../../src/util/clock.ts'
import { createMemoryCommands } from '../../src/worker/commands/memory.ts'
import type { CommandTarget } from '../../src/worker/commands/command.ts'

const [filename] = process.argv.slice(2)
const objgraph = createMemoryCommands().find(({ name }) => name === 'objgraph')
const worker = { app: { clock: systemClock } } as CommandTarget
process.send?.(objgraph?.run(worker, { filename }))
process.disconnect()
