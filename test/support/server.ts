/**
 * Servers that a suite needs: found on this machine, or installed where that is allowed, started on a free port of the
 * loopback interface. Where one cannot be had its suite is skipped and named at the end of the run, and with `CI` set
 * it fails: a suite that silently never runs is worse than none.
 */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'
import { MISSING_SERVER } from './missing-server.ts'

/** A server that is running. */
export interface RunningServer {
  readonly url: string
  stop(): Promise<void>
}

/** The program's path. Installs the Debian packages when it is missing and this is root; undefined if it cannot be had. */
export function requireServer(program: string, aptPackages: readonly string[]): string | undefined {
  return findProgram(program) ?? (installPackages(aptPackages) ? findProgram(program) : undefined)
}

/** Install Debian packages where this is allowed: for root, where there is `apt-get`. Did it work? */
export function installPackages(aptPackages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) return false
  try {
    const options = ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends']
    execFileSync('apt-get', [...options, ...aptPackages], {
      stdio: 'ignore',
      timeout: 180_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    return true
  } catch {
    return false
  }
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

/** Resolves when the process is gone, also the second time. One that was stopped by SIGSTOP goes on for that. */
export async function stopProcess(server: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = new Promise((resolve) => server.once('exit', resolve))
  server.kill(signal)
  server.kill('SIGCONT')
  await exited
}

/** Does anybody listen on this port of the loopback interface? */
export function accepts(port: number): Promise<boolean> {
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
