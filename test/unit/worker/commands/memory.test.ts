import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { createMemoryCommands } from '../../../../src/worker/commands/memory.ts'
import { commandTarget } from '../../../support/command-target.ts'
import { HelperProcess } from '../../../support/helper-process.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

function fixture(): (name: string, args?: Record<string, unknown>) => unknown {
  const commands = createMemoryCommands()
  const { worker } = commandTarget()
  return (name, args = {}) => commands.find((command) => command.name === name)?.run(worker, args)
}

it('samples the memory, and tells the samples evenly', () => {
  const rss = vi.spyOn(process.memoryUsage, 'rss')
  const run = fixture()
  try {
    expect(run('memdump')).toMatch(/^- rss \(end\): [\d.]+MB\.\n$/)
    for (let megabytes = 1; megabytes <= 2001; megabytes += 1) {
      rss.mockReturnValue(megabytes * 1024 * 1024)
      expect(run('memsample')).toBe(`${String(megabytes)}.000MB`)
    }
    const dump = run('memdump', { samples: 2 }) as string
    expect(dump.split('\n').slice(0, 2)).toEqual(['- rss (sample):', '-    > 1.000MB,'])
    expect(dump.split('\n')).toHaveLength(5)
    expect(() => run('memdump', { samples: 0 })).toThrow('a number from 1 on')
  } finally {
    rss.mockRestore()
  }
})

it('writes a heap snapshot', async () => {
  const filename = join(temporaryDirectory(), 'x.heapsnapshot')
  expect(await new HelperProcess('heap-process.ts', [filename]).hear()).toEqual({ filename })
  expect(existsSync(filename)).toBe(true)
})
