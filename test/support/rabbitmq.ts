/**
 * A RabbitMQ node of its own, empty, on free ports of the loopback interface, without plugins. A start takes some
 * seconds, so tests of one file share one node and take a virtual host, or names, of their own.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { promisify } from 'node:util'
import { findFreePort } from './ports.ts'
import { greets, prepareNode, rabbitmqProgram } from './rabbitmq-node.ts'
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
  // Two schedulers are enough for tests.
  const environment = prepareNode({ folder, port, distributionPort, name: 'test', erlangOptions: '+S 2:2' })
  return { port, folder, environment }
}

async function start({ port, folder, environment }: Node): Promise<ChildProcess> {
  const server = spawn(rabbitmqProgram(PROGRAM), { stdio: 'ignore', env: environment, cwd: folder })
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
  const { stdout } = await promisify(execFile)(rabbitmqProgram('rabbitmqctl'), ['--silent', ...args], {
    env: environment,
  })
  return stdout
}
