/** A RabbitMQ node of our own: empty, on free ports of the loopback interface, without plugins. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { greets, prepareNode, rabbitmqProgram } from '../../test/support/rabbitmq-node.ts'
import { freePort } from './ports.ts'

export interface RabbitmqServer {
  readonly port: number
  stop(): Promise<void>
}

const LOOK_AGAIN_MS = 50

/** Undefined where `rabbitmq-server` is not installed. Resolves when the node takes connections, after some seconds. */
export async function startRabbitmqServer(folder: string): Promise<RabbitmqServer | undefined> {
  const port = await freePort()
  const env = await prepare(join(folder, 'rabbitmq'), port)
  const server = spawn(rabbitmqProgram('rabbitmq-server'), { stdio: 'ignore', env })
  const exited = once(server, 'exit').catch(() => undefined)
  const missing = once(server, 'error').then(() => true)
  const started = once(server, 'spawn').then(() => false)
  if (await Promise.race([missing, started])) return undefined
  // Its files go with the bench: there is nothing to end in order.
  const kill = (): void => {
    server.kill('SIGKILL')
  }
  process.once('exit', kill)
  const ended = exited.then(() => Promise.reject(new Error('RabbitMQ ended while it started')))
  await Promise.race([untilItGreets(port), ended])
  ended.catch(() => undefined)
  return {
    port,
    async stop() {
      kill()
      await exited
      process.off('exit', kill)
    },
  }
}

/** A node that keeps everything in one folder. */
export async function prepare(folder: string, port: number): Promise<NodeJS.ProcessEnv> {
  return prepareNode({ folder, port, distributionPort: await freePort(), name: 'bench' })
}

export async function untilItGreets(port: number): Promise<void> {
  while (!(await greets(port))) await setTimeout(LOOK_AGAIN_MS)
}
