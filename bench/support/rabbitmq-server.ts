/** A RabbitMQ node of our own: empty, on free ports of the loopback interface, without plugins. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './ports.ts'

export interface RabbitmqServer {
  readonly port: number
  stop(): Promise<void>
}

/** Debian's own starter wants to change the user; what it starts does not. */
export const DEBIAN = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const LOOK_AGAIN_MS = 50

/** Undefined where `rabbitmq-server` is not installed. Resolves when the node takes connections, after some seconds. */
export async function startRabbitmqServer(folder: string): Promise<RabbitmqServer | undefined> {
  const port = await freePort()
  const env = await prepare(join(folder, 'rabbitmq'), port)
  const server = spawn(existsSync(DEBIAN) ? DEBIAN : 'rabbitmq-server', { stdio: 'ignore', env })
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

/** The environment of a node that keeps everything in one folder. */
export async function prepare(folder: string, port: number): Promise<NodeJS.ProcessEnv> {
  const plugins = join(folder, 'enabled_plugins')
  mkdirSync(join(folder, 'log'), { recursive: true })
  writeFileSync(plugins, '[].\n')
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${String(port)}\n`)
  return {
    ...process.env,
    // The Erlang cookie lies in the home folder.
    HOME: folder,
    RABBITMQ_NODENAME: `bench-${String(port)}@localhost`,
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // Without a shell around it, so that a signal reaches the node itself.
    RUNNING_UNDER_SYSTEMD: 'true',
    // Schedulers that spin while they wait take the time of those who work.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  }
}

/** It answers a handshake: while it boots, the port may be open and nobody there. */
export async function untilItGreets(port: number): Promise<void> {
  while (!(await greets(port))) await setTimeout(LOOK_AGAIN_MS)
}

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
