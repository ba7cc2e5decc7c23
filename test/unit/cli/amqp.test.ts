import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { main } from '../../../src/cli/main.ts'
import { FakeProcess } from '../../support/command-line.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import type { RedisServer } from '../../support/redis.ts'
import { temporaryFile } from '../../support/sqlite.ts'
import { waitFor } from '../../support/wait-for.ts'

let broker: string

beforeEach(() => {
  broker = `sqlite:///${temporaryFile()}`
})

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Run the shell with these lines as its input. */
async function type(lines: readonly string[], ...argv: readonly string[]): Promise<Ran> {
  const process = new FakeProcess()
  const input = process.stdin as NodeJS.ReadableStream & NodeJS.WritableStream
  input.end(lines.map((line) => `${line}\n`).join(''))
  const code = await main(['-q', '-b', broker, 'amqp', ...argv], process)
  return { code, stdout: process.stdout.text, stderr: process.stderr.text }
}

describe('amqp', () => {
  it('runs one command', async () => {
    expect(await type([], 'queue.declare', 'q')).toEqual({
      code: 0,
      stdout: 'queue:q messages:0 consumers:0\nOK\n',
      stderr: '',
    })
    expect(await type([], 'queue.purge')).toMatchObject({ code: 1, stderr: 'Error: Usage: queue.purge QUEUE\n' })
  })

  it('ends with 69 where there is no broker', async () => {
    broker = 'redis://127.0.0.1:1'
    const { code, stderr } = await type([], 'queue.purge', 'q')
    expect([code, stderr]).toEqual([69, expect.stringContaining('Cannot connect to redis://127.0.0.1:1')])
  })

  it('runs the lines of its input on one channel', async () => {
    const { code, stdout } = await type(["basic.publish 'a b' '' q", '', '# a comment', 'basic.get q', 'basic.ack 1'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^OK\n\{\n {2}body: 'a b',[^]*\}\nOK\nOK\n$/)
    expect((await type(['basic.get q'])).stdout).toContain('No messages in queue')
  })

  it('gives back what is not acknowledged', async () => {
    await type(["basic.publish x '' q", 'basic.get q'])
    expect((await type(['basic.get q'], '--json')).stdout).toContain('"body":"x"')
  })

  it('goes on after an error, and ends with 1', async () => {
    const { code, stdout, stderr } = await type(['oops', '"a', 'queue.declare q'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: There is no command "oops".*\nError: A quote has no end: "a\n$/)
    expect(stdout).toContain('queue:q')
  })

  it('ends with exit, and helps', async () => {
    const { code, stdout } = await type(['help', 'exit', 'oops'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}exchange\.declare EXCHANGE TYPE \[PASSIVE\]/)
  })

  it('prints JSON for programs', async () => {
    const { stdout } = await type(['queue.declare q', "basic.publish x '' q", 'basic.get nothing'], '--json')
    expect(stdout).toBe('{"queue":"q","messages":0,"consumers":0}\n{"ok":true}\nnull\n')
  })
})

describeWithRedis('a broker that comes and goes', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  it('is connected to again with the next command', async () => {
    const process = new FakeProcess()
    const input = process.stdin as NodeJS.ReadableStream & NodeJS.WritableStream
    const ended = main(['-b', server.url, 'amqp'], process)
    const typed = async (line: string, seen: RegExp): Promise<void> => {
      process.stdout.text = ''
      process.stderr.text = ''
      input.write(`${line}\n`)
      await waitFor(() => seen.test(process.stdout.text + process.stderr.text), {
        what: `${String(seen)} after ${line}`,
      })
    }
    await typed('queue.declare q', /connected[^]*OK|OK[^]*connected/)
    await server.stop()
    await typed('queue.declare q', /Error: /)
    await typed('queue.declare q', /Cannot connect to redis:/)
    await server.start()
    await typed('queue.declare q', /queue:q/)
    input.end()
    expect(await ended).toBe(1)
  })
})
