/**
 * Servers that a suite needs: found on this machine, or installed where that is allowed, started on a free port of the
 * loopback interface. Where one cannot be had its suite is skipped and named at the end of the run, and with `CI` set
 * it fails: a suite that silently never runs is worse than none.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'
import { MISSING_SERVER } from './missing-server.ts'
import { findFreePort } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

/** A server that is running. */
export interface RunningServer {
  readonly url: string
  stop(): Promise<void>
}

/** The program's path. Installs the Debian packages when it is missing and this is root; undefined if it cannot be had. */
export function requireServer(program: string, aptPackages: readonly string[]): string | undefined {
  const found = findProgram(program)
  if (found !== undefined || process.getuid?.() !== 0 || findProgram('apt-get') === undefined) return found
  try {
    const options = ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends']
    execFileSync('apt-get', [...options, ...aptPackages], {
      stdio: 'ignore',
      timeout: 180_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch {
    return undefined
  }
  return findProgram(program)
}

/** `describe` for tests that need the program; skipped, or failed with `CI` set, where `path` is undefined. */
export function describeWithServer(name: string, program: string, path: string | undefined, tests: () => void): void {
  if (path !== undefined) {
    describe(name, tests)
  } else if (isSet(process.env['CI'])) {
    it(`${name} (${MISSING_SERVER} ${program})`, () => {
      throw new Error(`The server ${program} is not installed and could not be; with CI set every suite must run.`)
    })
  } else {
    describe.skip(`${name} (${MISSING_SERVER} ${program})`, tests)
  }
}

/** A Redis server of its own, empty, without persistence. */
export async function startRedis(path: string): Promise<RunningServer> {
  const port = await findFreePort()
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: temporaryDirectory() }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn(path, args, { stdio: 'ignore' })
  await waitFor(() => accepts(port), { what: `Redis to listen on port ${String(port)}` })
  return { url: `redis://127.0.0.1:${String(port)}/0`, stop: () => stopProcess(server) }
}

async function stopProcess(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await exited
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (value: boolean) => () => {
      socket.destroy()
      resolve(value)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}

function findProgram(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value)
}
