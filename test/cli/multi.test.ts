/** `celeriac multi` with real workers: starting, stopping, and a deployment under load. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Celery, silentLogger } from '../support/product.ts'
import { makeProject, runCli } from '../support/cli.ts'
import type { CliResult } from '../support/cli.ts'
import { killDaemonsIn, pidIn, runs } from '../support/daemons.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'

const APP = `
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celery } from 'celeriac'
export const app = new Celery('proj')
const work = async (id: number): Promise<number> => {
  await sleep(20)
  appendFileSync('ran', id + '\\n')
  return id
}
app.task('proj.early', work)
app.task('proj.late', { acksLate: true }, work)
`

let cwd: string
let env: Record<string, string>

beforeEach(() => {
  env = {}
  cwd = makeProject({ 'app.ts': APP })
  killDaemonsIn(join(cwd, 'run'))
})

const FILES = ['--pidfile=run/%n.pid', '--logfile=log/%n.log']

function multi(command: string, ...args: string[]): Promise<CliResult> {
  return runCli(['multi', command, ...args, '-A', 'app.ts', ...FILES, '-P', 'async', '-c', '2'], { cwd, env })
}

const pidOf = (name: string): number | undefined => pidIn(join(cwd, 'run', `${name}.pid`))

describe('nodes', () => {
  it('start, run once, restart, are killed and stop', async () => {
    const started = await multi('start', '2', '--range-prefix=w')
    expect([started.code, started.stderr]).toEqual([0, ''])
    expect(started.stdout).toMatch(/^celeriac multi v.*\n> Starting nodes\.\.\.\n\t> w1@\S+: OK\n\t> w2@\S+: OK\n$/)
    const first = [pidOf('w1') ?? 0, pidOf('w2') ?? 0]
    expect(first.map(runs)).toEqual([true, true])
    expect(existsSync(join(cwd, 'log/w2.log'))).toBe(true)

    const again = await multi('start', 'w1', '--nosplash')
    expect([again.code, again.stdout]).toEqual([
      1,
      expect.stringMatching(/^> Starting nodes\.\.\.\n\t> w1@\S+: FAILED\n$/),
    ])
    expect(again.stderr).toMatch(/belongs to process/)

    const restarted = await multi('restart', 'w1', '-INT', '-q')
    expect(restarted).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(pidOf('w1')).not.toBe(first[0])

    const killed = pidOf('w2') ?? 0
    await multi('kill', 'w2')
    const stopped = await multi('stopwait', '2', '--range-prefix=w')
    expect(stopped.stdout).toMatch(/w1@\S+: TERM -> \d+\n/)
    expect([pidOf('w1'), runs(killed)]).toEqual([undefined, false])
    expect((await multi('stop', 'w1')).stdout).toMatch(/w1@\S+: DOWN\n/)
  })

  it('that cannot start say why', async () => {
    const { code, stdout, stderr } = await runCli(['multi', 'start', 'w1', '-A', 'nope.ts', ...FILES], { cwd })
    expect([code, stdout, stderr]).toEqual([
      1,
      expect.stringMatching(/w1@\S+: FAILED/),
      expect.stringMatching(/There is no file .*nope\.ts/),
    ])
  })
})

describe('a deployment under load', () => {
  /** Tasks come in meanwhile, acknowledged early and late by turns. */
  async function deploy(url: string): Promise<void> {
    const names = ['w1', 'w2', 'w3']
    env = { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }
    expect((await multi('start', ...names)).code).toBe(0)
    await using app = new Celery('proj', { broker: url, backend: url, logger: silentLogger() })
    const state = { over: false }
    const load = (async () => {
      const sent = []
      for (let id = 0; !state.over; id += 1) {
        sent.push(await app.sendTask(id % 2 === 0 ? 'proj.early' : 'proj.late', [id]))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return sent
    })()
    try {
      for (const name of names) {
        const before = pidOf(name)
        const { code, stderr } = await multi('restart', name)
        expect([code, stderr]).toEqual([0, ''])
        expect(pidOf(name)).not.toBe(before)
      }
    } finally {
      state.over = true
    }
    const sent = await load
    const values = await Promise.all(sent.map((result) => result.get({ timeout: 20 })))
    expect(values).toEqual(sent.map((_, id) => id))
    expect(values.length).toBeGreaterThan(100)
    // Nobody was cut off, so nothing ran twice.
    expect(readFileSync(join(cwd, 'ran'), 'utf8').trim().split('\n')).toHaveLength(sent.length)
    await multi('stopwait', ...names)
  }

  it('loses no task and lets none fail on the embedded store', () => deploy(`sqlite:///${join(cwd, 'celeriac.db')}`))

  describeWithRedis('over Redis', () => {
    it('loses no task and lets none fail', async () => {
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      await deploy(redis.url)
    })
  })
})
