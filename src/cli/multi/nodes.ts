/** The nodes of `celeriac multi`: their names, and the command line that starts each (`celery/apps/multi.py`). */
import { hostname } from 'node:os'
import { ImproperlyConfigured } from '../../errors.ts'
import { expandNodename, splitNodename } from '../../protocol/nodename.ts'
import type { MultiArguments, MultiOption } from './arguments.ts'

/** One node. */
export interface Node {
  /** `w1@host`. */
  readonly nodename: string
  readonly pidfile: string
  readonly logfile: string
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
}

/** What nodes are made of, besides the arguments. */
export interface NodeRules {
  /** This Node. */
  readonly executable: string
  /** The file of the command `celeriac`. */
  readonly script: string
  /** Options that stand before the sub-command. */
  readonly isGlobal: (flag: string) => boolean
}

const DEFAULT_COMMAND = 'worker --detach'
const DEFAULT_RANGE_PREFIX = 'celery'
/** Where Celery has them. */
const DEFAULT_PIDFILE = '/var/run/celery/%n.pid'
const DEFAULT_LOGFILE = '/var/log/celery/%n%I.log'

/** Flags that multi itself understands, by the name that they are looked up by. */
const OWN = {
  '--cmd': 'cmd',
  '--append': 'append',
  '--prefix': 'prefix',
  '--suffix': 'suffix',
  '--range-prefix': 'rangePrefix',
  '--executable': 'executable',
  '--hostname': 'hostname',
  '-n': 'hostname',
} as const
type OwnName = (typeof OWN)[keyof typeof OWN]

/** Do they take a value? For `readArguments`. */
export const OWN_FLAGS: readonly string[] = Object.keys(OWN)

/** Spellings of the options that a node is known by. */
const PIDFILE = ['--pidfile', '-p']
const LOGFILE = ['--logfile', '-f']

/** The nodes, in order. Throws `ImproperlyConfigured` where there are none, or an option is for one that there is not. */
export function createNodes({ names, options, passed }: MultiArguments, rules: NodeRules): Node[] {
  const own = ownOptions(options)
  const named = nameNodes(names, own)
  const chosen = options
    .filter(({ flag }) => !Object.hasOwn(OWN, flag))
    .map((option) => ({ ...option, indexes: chooseNodes(option, named) }))
  return named.map(({ nodename }, index) => {
    // A node's own options come behind those of all: of two, the last one counts.
    const mine = [
      ...chosen.filter(({ indexes }) => indexes === undefined),
      ...chosen.filter(({ indexes }) => indexes?.has(index) === true),
    ]
    const rest = mine.filter(({ flag }) => !PIDFILE.includes(flag) && !LOGFILE.includes(flag))
    const pidfile = last(mine, PIDFILE) ?? DEFAULT_PIDFILE
    const logfile = last(mine, LOGFILE) ?? DEFAULT_LOGFILE
    const { executable = rules.executable, cmd = DEFAULT_COMMAND, append } = own
    const args = [
      rules.script,
      ...rest.filter(({ flag }) => rules.isGlobal(flag)).flatMap(format),
      ...words(cmd),
      ...['-n', nodename, `--pidfile=${pidfile}`, `--logfile=${logfile}`],
      ...rest.filter(({ flag }) => !rules.isGlobal(flag)).flatMap(format),
      ...words(append === undefined ? '' : expandNodename(append, nodename)),
      ...passed,
    ]
    return {
      nodename,
      pidfile: expandNodename(pidfile, nodename),
      logfile: expandNodename(logfile, nodename),
      command: [executable, ...args],
    }
  })
}

function ownOptions(options: readonly MultiOption[]): Partial<Record<OwnName, string>> {
  const own: Partial<Record<OwnName, string>> = {}
  for (const { flag, value, nodes } of options) {
    if (!Object.hasOwn(OWN, flag)) continue
    if (nodes !== undefined) throw new ImproperlyConfigured(`${flag} is for all nodes: write it without ":${nodes}"`)
    own[OWN[flag as keyof typeof OWN]] = value ?? ''
  }
  return own
}

interface Named {
  /** As it was written: `3`, `w1`, `w1@host`. */
  readonly name: string
  readonly nodename: string
}

function nameNodes(given: readonly string[], own: Partial<Record<OwnName, string>>): Named[] {
  const [first = ''] = given
  if (first === '') throw new ImproperlyConfigured('Name the nodes, or how many there are: celeriac multi start 3')
  const isRange = given.length === 1 && /^\d+$/.test(first)
  const names = isRange ? Array.from({ length: Number(first) }, (_, index) => String(index + 1)) : given
  const rangePrefix = own.rangePrefix === undefined || own.rangePrefix === '' ? DEFAULT_RANGE_PREFIX : own.rangePrefix
  const prefix = isRange ? rangePrefix : (own.prefix ?? '')
  const suffix = own.suffix === undefined || own.suffix === '' ? (own.hostname ?? hostname()) : own.suffix
  return names.map((name) => ({
    name,
    nodename: expandNodename(name.includes('@') ? name : `${prefix}${name}@${/^(""|'')$/.test(suffix) ? '' : suffix}`),
  }))
}

/** The indexes of the nodes that an option is for; undefined is all. Numbers count from 1. */
function chooseNodes({ flag, nodes }: MultiOption, named: readonly Named[]): ReadonlySet<number> | undefined {
  if (nodes === undefined) return undefined
  return new Set(nodes.split(',').flatMap((part) => choosePart(part, flag, named)))
}

function choosePart(part: string, flag: string, named: readonly Named[]): number[] {
  const byName = named.findIndex(
    ({ name, nodename }) => name === part || nodename === part || splitNodename(nodename).name === part,
  )
  if (byName !== -1) return [byName]
  const range = /^(\d+)(?:-(\d+))?$/.exec(part)
  const from = Number(range?.[1])
  const to = Number(range?.[2] ?? range?.[1])
  if (range === null || from < 1 || from > to || to > named.length) {
    throw new ImproperlyConfigured(
      `${flag}:${part} is for a node that there is not; there are ${named.map(({ nodename }) => nodename).join(', ')}`,
    )
  }
  return Array.from({ length: to - from + 1 }, (_, index) => from - 1 + index)
}

function last(options: readonly MultiOption[], flags: readonly string[]): string | undefined {
  return options.findLast(({ flag }) => flags.includes(flag))?.value
}

function format({ flag, value }: MultiOption): string[] {
  if (value === undefined) return [flag]
  return flag.startsWith('--') ? [`${flag}=${value}`] : [flag, value]
}

/** Split at blanks, as far as they are not in quotes. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|[^\s"']+/g)].map(([whole, double, single]) => double ?? single ?? whole)
}
