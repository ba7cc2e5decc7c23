/**
 * A RabbitMQ node of its own, empty, on free ports of the loopback interface, without plugins. A start takes some
 * seconds, so tests of one file share one node and take a virtual host, or names, of their own.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findFreePort } from './ports.ts'
import { describeWithServer, requireServer, stopProcess } from './server.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

/** A RabbitMQ node that is running, and the ways to make trouble. */
export interface RabbitmqServer {
  readonly port: number
  /** Its default virtual host, as the user guest: `amqp://guest:guest@127.0.0.1:12345//`. */
  readonly url: string
  /** `rabbitmqctl` with these arguments, such as `list_queues`; answers what it printed. It takes about a second. */
  control(...args: readonly string[]): Promise<string>
  /** In order; what is durable is kept. May be called twice. */
  stop(): Promise<void>
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>
  /** Start it again on the same port with the same files. Resolves when it takes connections. */
  start(): Promise<void>
  /** `stop()` and `start()`. */
  restart(): Promise<void>
}

const PROGRAM = 'rabbitmq-server'
/** Debian's own starter wants to change the user; what it starts does not. */
const PROGRAMS = '/usr/lib/rabbitmq/bin'
const START_TIMEOUT_MS = 60_000

/** `describe` for tests that need `rabbitmq-server`. */
export function describeWithRabbitmq(name: string, tests: () => void): void {
  describeWithServer(name, PROGRAM, requireServer(PROGRAM, [PROGRAM]), tests)
}

/** Start a node. Resolves when it takes connections. Whoever starts one stops it. */
export async function startRabbitmq(): Promise<RabbitmqServer> {
  const node = await createNode()
  let running = await start(node)
  const stop = (): Promise<void> => stopProcess(running)
  const restart = async (): Promise<void> => {
    await stop()
    running = await start(node)
  }
  return {
    port: node.port,
    url: `amqp://guest:guest@127.0.0.1:${String(node.port)}//`,
    control: (...args) => control(node, args),
    stop,
    kill: () => stopProcess(running, 'SIGKILL'),
    start: restart,
    restart,
  }
}

/** Where a node lives, and the environment of its programs. */
interface Node {
  readonly port: number
  /** All its files; also those that it leaves when it dies. */
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
}

async function createNode(): Promise<Node> {
  const folder = temporaryDirectory()
  const [port, distributionPort] = [await findFreePort(), await findFreePort()]
  const plugins = join(folder, 'enabled_plugins')
  writeFileSync(plugins, '[].\n')
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${String(port)}\n`)
  mkdirSync(join(folder, 'log'))
  const environment = {
    ...process.env,
    // The Erlang cookie lies in the home folder.
    HOME: folder,
    RABBITMQ_NODENAME: `test-${String(port)}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // Without a shell around it, so that a signal reaches the node itself.
    RUNNING_UNDER_SYSTEMD: 'true',
    // Schedulers that spin while they wait take the time of those who work.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
  }
  return { port, folder, environment }
}

async function start({ port, folder, environment }: Node): Promise<ChildProcess> {
  const server = spawn(program(PROGRAM), { stdio: 'ignore', env: environment, cwd: folder })
  endWithUs(server.pid)
  const failed = new Promise((_, reject) => {
    server.once('error', reject)
    server.once('exit', (code) => {
      reject(new Error(`RabbitMQ ended with code ${String(code)} while it started`))
    })
  })
  const what = `RabbitMQ to listen on port ${String(port)}`
  await Promise.race([failed, waitFor(() => greets(port), { what, timeoutMs: START_TIMEOUT_MS, intervalMs: 50 })])
  failed.catch(() => undefined)
  return server
}

/** A test run that is killed cannot stop its nodes any more: somebody looks after it who outlives it. */
function endWithUs(pid: number | undefined): void {
  const watch = 'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done; kill -9 "$2"'
  const args = ['-c', watch, 'sh', String(process.pid), String(pid)]
  spawn('/bin/sh', args, { stdio: 'ignore', detached: true }).unref()
}

async function control({ environment }: Node, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program('rabbitmqctl'), ['--silent', ...args], { env: environment })
  return stdout
}

function program(name: string): string {
  const path = join(PROGRAMS, name)
  return existsSync(path) ? path : name
}

/** It answers a handshake: while it boots, the port may be open and nobody there. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\0\0\x09\x01'))
    const answer = (value: boolean) => () => {
      socket.destroy()
      resolve(value)
    }
    socket.once('data', answer(true)).once('error', answer(false)).once('close', answer(false))
  })
}
