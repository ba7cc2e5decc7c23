/**
 * Who a process is, and whether it still lives, for other processes on the same machine to ask. Linux says for sure:
 * it tells when a thread was started, so that another one with the same number is not taken for it. Elsewhere only a
 * missing process is a sure thing.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A thread of a process, so that a worker thread that has ended does not live on in its process. */
export interface ProcessIdentity {
  /** The start of the machine; empty where the system does not name it. */
  readonly boot: string
  /** Where process numbers mean the same: the process namespace, or the host. */
  readonly space: string
  /** On Linux `1234/task/1240`, elsewhere the process number. */
  readonly thread: string
  /** When the thread was started, in the system's units; empty where it does not tell. */
  readonly started: string
}

/** `unknown`: it runs where we cannot look, or we cannot be sure that it is the same one. */
export type Verdict = 'alive' | 'gone' | 'unknown'

export interface ProcessTable {
  readonly self: ProcessIdentity
  /** Milliseconds since the machine started: the same for all processes with the same `boot`, and without jumps. */
  monotonicMs(): number
  verdict(identity: ProcessIdentity): Verdict
}

/** The processes of this machine, seen from this thread. */
export function readProcessTable(): ProcessTable {
  const self = process.platform === 'linux' ? (linuxSelf() ?? plainSelf()) : plainSelf()
  return {
    self,
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    verdict: (identity) => {
      if (identity.boot !== self.boot || identity.space !== self.space) return 'unknown'
      return identity.started === '' ? plainVerdict(identity) : linuxVerdict(identity)
    },
  }
}

function linuxSelf(): ProcessIdentity | undefined {
  try {
    const thread = readlinkSync('/proc/thread-self')
    const status = readStatus(thread)
    if (status === undefined) return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return { boot, space: readlinkSync('/proc/self/ns/pid'), thread, started: status.started }
  } catch {
    return undefined
  }
}

function plainSelf(): ProcessIdentity {
  return { boot: '', space: hostname(), thread: String(process.pid), started: '' }
}

function linuxVerdict(identity: ProcessIdentity): Verdict {
  const status = readStatus(identity.thread)
  if (status !== undefined) return status.started === identity.started && !status.ended ? 'alive' : 'gone'
  // Some systems hide other users' processes: only the kernel's word for it that there is none is proof.
  const [pid = ''] = identity.thread.split('/')
  return processExists(pid) && readStatus(pid) === undefined ? 'unknown' : 'gone'
}

function plainVerdict(identity: ProcessIdentity): Verdict {
  return processExists(identity.thread) ? 'unknown' : 'gone'
}

function processExists(pid: string): boolean {
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** The fields after the name in `/proc/<thread>/stat`; the name may hold anything, also spaces and brackets. */
function readStatus(thread: string): { readonly started: string; readonly ended: boolean } | undefined {
  try {
    const text = readFileSync(`/proc/${thread}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state = ''] = fields
    const started = fields[19]
    // Z and X: it has died, and its parent has not noticed yet.
    return started === undefined ? undefined : { started, ended: state === 'Z' || state === 'X' }
  } catch {
    return undefined
  }
}
