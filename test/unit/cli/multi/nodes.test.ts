import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { readArguments } from '../../../../src/cli/multi/arguments.ts'
import { createNodes } from '../../../../src/cli/multi/nodes.ts'

const RULES = { executable: 'node', script: 'celeriac.js', isGlobal: (flag: string) => flag === '-A' }
const nodes = (text: string) =>
  createNodes(
    readArguments(text.split(' '), (flag) =>
      /^--(cmd|append|pidfile|suffix|prefix|range-prefix)$|^-[cQAn]$/.test(flag) ? true : undefined,
    ),
    RULES,
  )
const names = (text: string) => nodes(text).map(({ nodename }) => nodename)
const own = (text: string) => nodes(text).map(({ command }) => command.slice(8).join(' '))

describe('names', () => {
  const here = hostname()
  it.each([
    ['3', [`celery1@${here}`, `celery2@${here}`, `celery3@${here}`]],
    ['2 --range-prefix=w', [`w1@${here}`, `w2@${here}`]],
    ['a b@there', [`a@${here}`, 'b@there']],
    ['a b --suffix=.example.org', ['a@.example.org', 'b@.example.org']],
    ['a --prefix=x-', [`x-a@${here}`]],
    ['a -n there', ['a@there']],
    ['1 2', [`1@${here}`, `2@${here}`]],
  ])('of %s', (text, expected) => {
    expect(names(text)).toEqual(expected)
  })

  it('there must be some', () => {
    expect(() => nodes('-c 3')).toThrow(/Name the nodes/)
  })
})

describe('options', () => {
  it('go to all, or to those that are named by number, range or name; their own come last', () => {
    expect(own('a b c -c:2 5 -c 1 -Q:a,3 x')).toEqual(['-c 1 -Q x', '-c 1 -c 5', '-c 1 -Q x'])
    expect(own('4 -c:2-3 7')).toEqual(['', '-c 7', '-c 7', ''])
    expect(own('2 -c:celery2 7')).toEqual(['', '-c 7'])
  })

  it.each(['a -c:2 5', 'a -c:b 5', '3 -c:0 5', '3 -c:3-1 5', '3 -c:2-4 5'])('for nobody are refused: %s', (text) => {
    expect(() => nodes(text)).toThrow(/a node that there is not; there are/)
  })

  it('for all are for all', () => {
    expect(() => nodes('a --cmd:a=x')).toThrow(/--cmd is for all nodes/)
  })
})

it('builds the command line, global options first', () => {
  const [node] = nodes('w1@here -A app.ts -c 3 --append=x-%n -- y')
  expect(node).toEqual({
    nodename: 'w1@here',
    pidfile: '/var/run/celery/w1.pid',
    logfile: '/var/log/celery/w1.log',
    command: [
      ...['node', 'celeriac.js', '-A', 'app.ts', 'worker', '--detach', '-n', 'w1@here'],
      ...['--pidfile=/var/run/celery/%n.pid', '--logfile=/var/log/celery/%n%I.log', '-c', '3', 'x-w1', 'y'],
    ],
  })
})

it('takes other files, and another command', () => {
  const [node] = nodes('w1@here -p /p/%n -f /l/%p --executable=bun')
  expect(node).toMatchObject({ pidfile: '/p/w1', logfile: '/l/w1@here' })
  expect(node?.command.slice(0, 7)).toEqual([
    'bun',
    'celeriac.js',
    'worker',
    '--detach',
    '-n',
    'w1@here',
    '--pidfile=/p/%n',
  ])
  const rules = readArguments(['w1@here', `--cmd=beat -s 'my file'`], () => undefined)
  expect(createNodes(rules, RULES)[0]?.command.slice(2, 5)).toEqual(['beat', '-s', 'my file'])
})
