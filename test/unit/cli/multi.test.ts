import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

const run = (text: string) => runCommandLine(text.split(' '))

describe('multi', () => {
  it('names, expand, get and show print', async () => {
    expect((await run('multi names 2 --range-prefix=w')).stdout).toBe(`w1@${hostname()}\nw2@${hostname()}\n`)
    expect((await run('multi expand /log/%n.log a b')).stdout).toBe('/log/a.log\n/log/b.log\n')
    const { stdout } = await run('multi show a@x b@x -c:2 3 -l info')
    expect(stdout).toMatch(/celeriac\.js worker --detach -n a@x .* -l info\n.* -n b@x .* -l info -c 3\n$/)
    expect((await run('multi get b a@x b@x -E')).stdout).toMatch(/^\S*celeriac\.js worker .* -n b@x .* -E\n$/)
  })

  it('takes global options from before its name, and puts them in front', async () => {
    expect((await run('-A app.ts -b redis://h multi show a@x')).stdout).toMatch(
      /celeriac\.js -A app\.ts -b redis:\/\/h worker --detach/,
    )
  })

  it('helps', async () => {
    for (const text of ['multi', 'multi help', 'multi --help']) {
      expect(await run(text)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Usage: celeriac multi COMMAND/),
      })
    }
    expect((await run('--help')).stdout).toMatch(/multi +Start, stop and restart/)
  })

  it.each([
    ['multi strat 3', 2, /no command "strat"; did you mean "start"\?/],
    ['multi start', 1, /Name the nodes/],
    ['multi get c a b', 1, /no node "c"; there are a@/],
    ['multi expand', 1, /no template/],
    ['multi show a -c', 1, /-c needs a value/],
  ])('%s is wrong', async (text, code, message) => {
    const result = await run(text)
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(message)])
  })

  it('stops what is down already', async () => {
    const { code, stdout } = await run('multi stopwait a@x -9 --pidfile=%n.pid --nosplash')
    expect([code, stdout]).toEqual([0, '> Stopping nodes...\n\t> a@x: DOWN\n'])
  })
})
