/**
 * Commands that look at the memory of the worker's main process: its size now, samples over time, and a heap snapshot for
 * the memory view of Chrome's developer tools. Celery's `objgraph` draws Python objects; the snapshot is what Node has.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'
import { optionalInteger, optionalText, toNumber } from './arguments.ts'
import type { Command } from './command.ts'

/** More samples than this are thinned out. */
const MAX_SAMPLES = 1000
const DEFAULT_SHOWN = 10

/** The commands of one worker, which share its samples. */
export function createMemoryCommands(): readonly Command[] {
  let samples: string[] = []

  const memsample: Command = {
    name: 'memsample',
    kind: 'inspect',
    help: 'The resident memory of the main process now; kept for memdump.',
    run: () => {
      const sample = residentMemory()
      samples.push(sample)
      if (samples.length > MAX_SAMPLES) samples = samples.filter((_, index) => index % 2 === 0)
      return sample
    },
  }

  const memdump: Command = {
    name: 'memdump',
    kind: 'inspect',
    args: [{ name: 'samples', cast: toNumber }],
    signature: '[n_samples=10]',
    help: 'The samples so far, evenly thinned, and the resident memory now.',
    run: (_worker, args) => {
      const shown = optionalInteger(args, 'samples', 1) ?? DEFAULT_SHOWN
      const step = Math.max(samples.length / shown, 1)
      const chosen = Array.from(
        { length: Math.min(shown, samples.length) },
        (_, index) => samples[Math.floor(index * step)],
      )
      const title = chosen.length === 0 ? '' : '- rss (sample):\n'
      return `${title}${chosen.map((sample) => `-    > ${String(sample)},\n`).join('')}- rss (end): ${residentMemory()}.\n`
    },
  }

  const objgraph: Command = {
    name: 'objgraph',
    kind: 'inspect',
    args: [{ name: 'filename' }],
    signature: '[file=<a new one in the temporary folder>]',
    help: "Write a heap snapshot of the main process, for Chrome's developer tools. The worker stands still meanwhile, so give it time: -t 60.",
    run: ({ app }, args) => {
      const fallback = join(tmpdir(), `celeriac-${String(process.pid)}-${String(app.clock.now())}.heapsnapshot`)
      return { filename: writeHeapSnapshot(optionalText(args, 'filename') ?? fallback) }
    },
  }

  return [memsample, memdump, objgraph]
}

function residentMemory(): string {
  return `${(process.memoryUsage.rss() / 1024 / 1024).toFixed(3)}MB`
}
