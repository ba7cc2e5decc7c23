/** Starting and stopping the nodes of `celeriac multi`: processes, pidfiles, signals. What is said of it is `multi.ts`. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ImproperlyConfigured } from '../../errors.ts'
import { asError } from '../../util/as-error.ts'
import { isAlive, Pidfile } from '../pidfile.ts'
import type { Node } from './nodes.ts'

/** Between two looks whether a process is still there. */
const LOOK_MS = 50

/** How a start went. */
export interface StartResult {
  /** 0 where the node is up. */
  readonly exitCode: number
  /** What the command printed on both streams. */
  readonly output: string
}

/** Make the folders of its files, run its command, and see that it is there. Never rejects. */
export async function startNode(node: Node, cwd: string): Promise<StartResult> {
  try {
    for (const file of [node.pidfile, node.logfile]) makeFolder(file)
    const result = await run(node.command, cwd)
    if (result.exitCode !== 0 || ownerOf(node) !== undefined) return result
    return { exitCode: 1, output: `${result.output}It ended without an error, and no process has ${node.pidfile}.\n` }
  } catch (error) {
    return { exitCode: 1, output: `${asError(error).message}\n` }
  }
}

/** The node's process, if it is there. */
export function ownerOf(node: Node): number | undefined {
  return new Pidfile(node.pidfile).owner()
}

/** Send a signal to the node's process. Answers its id; undefined where there is none. */
export function signalNode(node: Node, signal: NodeJS.Signals | number): number | undefined {
  const pid = ownerOf(node)
  if (pid === undefined) return undefined
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It may be gone since the look.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
    throw error
  }
  return pid
}

/** Resolves when this process of the node is gone. */
export async function waitUntilDown(node: Node, pid: number): Promise<void> {
  while (ownerOf(node) === pid || isAlive(pid)) await sleep(LOOK_MS)
}

function makeFolder(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
  } catch (error) {
    throw new ImproperlyConfigured(
      `The folder ${dirname(file)} cannot be made (${asError(error).message}): name others with --pidfile and --logfile`,
    )
  }
}

function run([executable, ...args]: Node['command'], cwd: string): Promise<StartResult> {
  return new Promise((resolve) => {
    const child = spawn(executable, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    child.once('error', (error) => {
      resolve({ exitCode: 1, output: `${error.message}\n` })
    })
    child.once('close', (code) => {
      resolve({ exitCode: code ?? 1, output })
    })
  })
}
