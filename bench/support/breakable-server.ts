/** Servers that are killed and started again on the same port with the same files: Redis with everything on disk, RabbitMQ. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { rabbitmqProgram } from '../../test/support/rabbitmq-node.ts'
import { prepare, untilItGreets } from './rabbitmq-server.ts'

/** A server, from its first start to its end. */
export class BreakableServer {
  readonly port: number
  readonly #start: () => ChildProcess
  readonly #ready: () => Promise<void>
  #process: ChildProcess | undefined

  constructor(port: number, start: () => ChildProcess, ready: () => Promise<void>) {
    this.port = port
    this.#start = start
    this.#ready = ready
    process.once('exit', () => this.#process?.kill('SIGKILL'))
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    this.#process = this.#start()
    await this.#ready()
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running?.exitCode !== null) return
    const exited = once(running, 'exit')
    running.kill('SIGKILL')
    await exited
  }
}

/** Redis that answers when it has written to the disk. */
export async function startBreakableRedis(folder: string): Promise<BreakableServer> {
  const port = await freePort()
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const args = [...place, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
  const server = new BreakableServer(
    port,
    () => spawn('redis-server', args, { stdio: 'ignore' }),
    async () => {
      while (!(await answers(port, 'PING\r\n', '+PONG'))) await setTimeout(20)
    },
  )
  await server.start()
  return server
}

/** A RabbitMQ node. */
export async function startBreakableRabbitmq(folder: string): Promise<BreakableServer> {
  const port = await freePort()
  const env = await prepare(folder, port)
  const server = new BreakableServer(
    port,
    () => spawn(rabbitmqProgram('rabbitmq-server'), { stdio: 'ignore', env }),
    () => untilItGreets(port),
  )
  await server.start()
  return server
}

function answers(port: number, question: string, answer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(question))
    const settle = (value: boolean): void => {
      socket.destroy()
      resolve(value)
    }
    socket.once('data', (bytes) => {
      settle(bytes.toString().startsWith(answer))
    })
    socket.once('error', () => {
      settle(false)
    })
  })
}
