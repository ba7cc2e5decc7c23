/** A worker as a process group of its own: start it, look at its memory, stop it kindly or not at all kindly. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { JITI } from './typescript.ts'

export interface WorkerProcess {
  readonly pid: number
  /** Resident memory in bytes of the process and its children; pages that they share count once for each. */
  memory(): { readonly parent: number; readonly children: number }
  /** Seconds of processor time of the process and its children, since they started. */
  processorSeconds(): number
  /** Rejects when it ends although nobody stopped it. */
  readonly lost: Promise<never>
  /** Ask it to end, and wait. */
  stop(): Promise<void>
  /** SIGKILL, parent and children at once. */
  kill(): Promise<void>
}

export interface WorkerOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

const BENCH = join(import.meta.dirname, '..')

/** `celeriac -A <app> worker` with more arguments. */
export function startCeleriacWorker(app: string, args: readonly string[], options: WorkerOptions): WorkerProcess {
  const bin = join(BENCH, '../bin/celeriac.js')
  const common = ['-A', join(BENCH, 'apps', app), '--quiet', 'worker', '--loglevel', 'WARNING']
  return startProcess(process.execPath, [bin, ...common, ...args], options)
}

/** `celery -A python_bench worker` with more arguments. */
export function startPythonWorker(python: string, args: readonly string[], options: WorkerOptions): WorkerProcess {
  const common = ['-m', 'celery', '-q', '-A', 'python_bench', 'worker', '--loglevel', 'ERROR']
  const env = {
    ...options.env,
    PYTHONPATH: join(BENCH, 'apps'),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
  }
  return startProcess(python, [...common, ...args], { ...options, env })
}

/** BullMQ has no command: its worker is a program that its users write. */
export function startBullmqWorker(args: readonly string[], options: WorkerOptions): WorkerProcess {
  return startProcess(process.execPath, [JITI, join(BENCH, 'apps/bullmq.ts'), ...args], options)
}

function startProcess(program: string, args: readonly string[], options: WorkerOptions): WorkerProcess {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error('The worker could not be started')
  const exited = once(child, 'exit')
  const state = { stopping: false }
  const lost = exited.then(([code, signal]) => {
    if (state.stopping) return new Promise<never>(() => undefined)
    throw new Error(`The worker ended by itself (${String(code ?? signal)})`)
  })
  lost.catch(() => undefined)
  // Nothing that a bench started may outlive it.
  const killGroup = (): void => {
    signalGroup(child, pid, 'SIGKILL')
  }
  process.once('exit', killGroup)
  return {
    pid,
    processorSeconds: () => sum([pid, ...childrenOf(pid)].map(processorSeconds)),
    memory: () => ({ parent: residentBytes(pid), children: sum(childrenOf(pid).map(residentBytes)) }),
    lost,
    async stop() {
      state.stopping = true
      child.kill('SIGTERM')
      await exited
      process.off('exit', killGroup)
    },
    async kill() {
      state.stopping = true
      killGroup()
      await exited
      process.off('exit', killGroup)
    },
  }
}

function signalGroup(child: ChildProcess, pid: number, signal: NodeJS.Signals): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  process.kill(-pid, signal)
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  return numberIn(`/proc/${pid}/status`, /^PPid:\s+(\d+)/m)
}

function residentBytes(pid: number): number {
  return (numberIn(`/proc/${String(pid)}/status`, /^VmRSS:\s+(\d+) kB/m) ?? 0) * 1024
}

/** Ticks of a hundredth of a second, in user mode and in the kernel. */
const TICKS = /\) (?:\S+ ){11}(\d+) (\d+)/

function processorSeconds(pid: number): number {
  const file = `/proc/${String(pid)}/stat`
  return ((numberIn(file, TICKS) ?? 0) + (numberIn(file, TICKS, 2) ?? 0)) / 100
}

function numberIn(file: string, pattern: RegExp, group = 1): number | undefined {
  try {
    const text = pattern.exec(readFileSync(file, 'utf8'))?.[group]
    return text === undefined ? undefined : Number(text)
  } catch {
    // The process has ended in the meantime.
    return undefined
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
