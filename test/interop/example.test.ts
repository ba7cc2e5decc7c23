/** `examples/python-and-typescript` does what its README says. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RunningCli } from '../support/cli.ts'
import { describeWithPythonCelery, PYTHON, startPython } from '../support/python-celery.ts'
import type { PythonProcess } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { stopProcess } from '../support/server.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

const EXAMPLE = join(ROOT, 'examples/python-and-typescript')

describeWithPythonCelery('The mixed project', () => {
  describeWithRedis('over Redis', () => {
    let redis: RedisServer
    let typescript: RunningCli
    let python: PythonProcess
    let env: Record<string, string>

    beforeAll(async () => {
      redis = await startRedis()
      env = { CELERY_BROKER_URL: redis.url }
      const cwd = join(EXAMPLE, 'python')
      const args = ['-m', 'celery', '-A', 'project', 'worker', '-Q', 'python', '--pool', 'solo', '-l', 'INFO']
      python = startPython(args, { cwd, env })
      typescript = new RunningCli(
        ['-A', 'typescript/app.ts', 'worker', '-Q', 'typescript', '-P', 'solo', '-l', 'INFO'],
        {
          cwd: EXAMPLE,
          env,
        },
      )
      await waitFor(() => python.errors.includes(' ready'), { what: 'the Python worker', timeoutMs: 30_000 })
      await typescript.sees(/ ready/)
    })
    afterAll(async () => {
      await Promise.all([typescript.kill(), stopProcess(python.process, 'SIGKILL')])
      await redis.stop()
    })

    const run = async (program: string, script: string): Promise<string> => {
      const { stdout } = await promisify(execFile)(program, [script], { cwd: EXAMPLE, env: { ...process.env, ...env } })
      return stdout
    }

    it('is called from TypeScript', async () => {
      // Where Japanese words end depends on the dictionary that this Node brings.
      expect(await run(join(ROOT, 'node_modules/.bin/jiti'), 'typescript/call.ts')).toMatch(
        /^lengths: 3 1 [\d ]+\nsummary: \{ count: 1\d, mean: .*\}\nerror: builtins\.ValueError: a summary needs two numbers/,
      )
    })

    it('is called from Python', async () => {
      expect(await run(PYTHON, 'python/call.py')).toBe(
        [
          'lengths: [3, 8, 3, 4, 7, 3, 3, 7, 3, 13]',
          "summary: {'count': 10, 'mean': 5.4, 'deviation': 3.34, 'median': 3.5}",
          "error: ValueError('there is no word in this text')",
          '',
        ].join('\n'),
      )
    })
  })
})
