/** A Redis server of our own: empty, on a free port of the loopback interface, without persistence. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './ports.ts'

export interface RedisServer {
  readonly port: number
  /** Forget everything. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Undefined where `redis-server` is not installed. */
export async function startRedisServer(folder: string): Promise<RedisServer | undefined> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', options, { stdio: 'ignore' })
  const missing = once(server, 'error').then(() => true)
  const started = once(server, 'spawn').then(() => false)
  if (await Promise.race([missing, started])) return undefined
  const kill = (): void => {
    server.kill('SIGKILL')
  }
  process.once('exit', kill)
  const client = await connect(port)
  return {
    port,
    async flush() {
      await client.flushall()
    },
    async stop() {
      const exited = once(server, 'exit')
      client.disconnect()
      server.kill('SIGTERM')
      await exited
      process.off('exit', kill)
    },
  }
}

async function connect(port: number): Promise<Redis> {
  for (;;) {
    const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return client
    } catch {
      await setTimeout(20)
    }
  }
}
