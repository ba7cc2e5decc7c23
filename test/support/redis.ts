/** Redis servers of tests: each on a free port of the loopback interface, in a folder of its own. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { promisify } from 'node:util'
import { findFreePort } from './ports.ts'
import { accepts, describeWithServer, requireServer, stopProcess, type RunningServer } from './server.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

/** What `redis-server` is told besides port and folder. Default: nothing, and it keeps nothing on disk. */
export interface RedisServerOptions {
  /** Such as `['--appendonly', 'yes']`. */
  readonly args?: readonly string[]
  /** Start it with `--sentinel` and this configuration file. */
  readonly sentinel?: string
  /** False: do not wait until it answers. Default true. */
  readonly waits?: boolean
}

/** A Redis server that is running, and the ways to make trouble. */
export interface RedisServer extends RunningServer {
  readonly port: number
  /** The process's own number; another one after each start. */
  readonly pid: number
  /** The folder of its files. */
  readonly folder: string
  /** What `redis-cli` prints for a command, without the line's end. */
  ask(...command: readonly string[]): Promise<string>
  /** SIGKILL: what is not on disk is gone. Resolves when the process is gone. */
  kill(): Promise<void>
  /** Start it again on the same port with the same files. Resolves when it answers and has loaded them. */
  start(): Promise<void>
  /** `stop()` and `start()`. */
  restart(): Promise<void>
  /** SIGSTOP: connections stay open, and nobody answers. */
  pause(): void
  resume(): void
}

/** Arguments for a server that has everything on disk before it answers. */
export const APPEND_ONLY: readonly string[] = ['--appendonly', 'yes', '--appendfsync', 'always']

/** `describe` for tests that need `redis-server`. */
export function describeWithRedis(name: string, tests: () => void): void {
  describeWithServer(name, 'redis-server', requireServer('redis-server', ['redis-server']), tests)
}

/** Resolves when the server answers. Whoever starts one stops it; those of a test run that dies die with it. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = new TestRedisServer(await findFreePort(), options)
  if (options.waits === false) server.spawn()
  else await server.start()
  return server
}

/** A cluster of one node. */
export async function startRedisCluster(): Promise<RedisServer> {
  const server = await startRedis({
    args: ['--cluster-enabled', 'yes', '--cluster-port', String(await findFreePort())],
  })
  await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await waitFor(async () => (await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  return server
}

class TestRedisServer implements RedisServer {
  readonly port: number
  readonly url: string
  readonly folder: string = temporaryDirectory()
  readonly #args: readonly string[]
  #process: ChildProcess | undefined

  constructor(port: number, { args = [], sentinel }: RedisServerOptions) {
    this.port = port
    this.url = `redis://127.0.0.1:${String(port)}/0`
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.folder]
    this.#args =
      sentinel === undefined ? [...place, '--save', '', ...args] : [sentinel, '--sentinel', ...place, ...args]
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  spawn(): void {
    const server = spawn('redis-server', this.#args, { stdio: 'ignore' })
    const kill = (): void => {
      server.kill('SIGKILL')
    }
    process.once('exit', kill)
    server.once('exit', () => process.off('exit', kill))
    this.#process = server
  }

  async start(): Promise<void> {
    this.spawn()
    const what = `Redis to answer on port ${String(this.port)}`
    const answers = async (): Promise<boolean> => {
      // The port may have been somebody's for a moment.
      if (this.#process?.exitCode !== null) this.spawn()
      return (await accepts(this.port)) && (await this.ask('PING')) === 'PONG'
    }
    await waitFor(answers, { what, intervalMs: 10 })
  }

  async ask(...command: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(this.port), ...command])
    return stdout.trimEnd()
  }

  async stop(): Promise<void> {
    if (this.#process !== undefined) await stopProcess(this.#process)
  }

  async kill(): Promise<void> {
    if (this.#process !== undefined) await stopProcess(this.#process, 'SIGKILL')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }
}
