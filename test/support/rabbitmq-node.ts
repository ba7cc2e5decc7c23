/** What a RabbitMQ node of our own needs, in tests and in the bench: its programs, its files, and how to see that it is up. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

/** Debian's own starters want to change the user; what they start does not. */
const DEBIAN = '/usr/lib/rabbitmq/bin'

export interface NodePlan {
  /** All its files; also those that it leaves when it dies. */
  readonly folder: string
  readonly port: number
  readonly distributionPort: number
  /** What the node's name begins with. */
  readonly name: string
  readonly erlangOptions?: string
}

export function rabbitmqProgram(name: string): string {
  const path = join(DEBIAN, name)
  return existsSync(path) ? path : name
}

/** Write its files. Answers the environment of its programs. */
export function prepareNode(plan: NodePlan): NodeJS.ProcessEnv {
  const { folder, port, distributionPort, name, erlangOptions = '' } = plan
  const plugins = join(folder, 'enabled_plugins')
  mkdirSync(join(folder, 'log'), { recursive: true })
  writeFileSync(plugins, '[].\n')
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${String(port)}\n`)
  return {
    ...process.env,
    // The Erlang cookie lies in the home folder.
    HOME: folder,
    RABBITMQ_NODENAME: `${name}-${String(port)}@localhost`,
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
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `${erlangOptions} +sbwt none +sbwtdcpu none +sbwtdio none`.trim(),
  }
}

/** It answers a handshake: while it boots, the port may be open and nobody there. */
export function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\0\0\x09\x01'))
    const answer = (value: boolean) => () => {
      socket.destroy()
      resolve(value)
    }
    socket.once('data', answer(true)).once('error', answer(false)).once('close', answer(false))
  })
}
