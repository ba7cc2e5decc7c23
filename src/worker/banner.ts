/**
 * What a worker says of itself when it starts: who it is, where its messages come from, what it can run. Facts in, text
 * out; who prints it, and whether in colour, is the command line's matter.
 */

/** What the banner tells. Passwords in URLs are masked before they get here. */
export interface BannerFacts {
  /** The node name, such as `celery@host`. */
  readonly hostname: string
  readonly version: string
  /** The system below, such as `Linux 6.1 x64, Node.js v20.20.2`. */
  readonly platform: string
  readonly startedAt: Date
  /** The app's name. */
  readonly app: string
  /** The broker's URL. */
  readonly transport: string
  /** The result backend's URL; `disabled` where there is none. */
  readonly results: string
  readonly concurrency: number
  /** Where the pool grows and shrinks: between which sizes. */
  readonly autoscale: { readonly max: number; readonly min: number } | undefined
  /** The pool's name. */
  readonly pool: string
  /** The queues that are consumed, a line each. */
  readonly queues: readonly string[]
  /** Task names to list; undefined leaves the list out. */
  readonly tasks: readonly string[] | undefined
}

/** A root with its leaves, one line of the banner beside each line of it. */
const ROOT = [
  '   \\ | /   ',
  '    \\|/    ',
  '  .-"""-.  ',
  " / ' . ' \\ ",
  '|  . | .  |',
  " \\ ' | ' / ",
  "  '-.|.-'  ",
  '     |     ',
] as const

/** The banner, lines divided by `\n`, ending in an empty one. */
export function startBanner(facts: BannerFacts): string {
  const beside = [
    `${facts.hostname} v${facts.version} (celeriac)`,
    `${facts.platform} ${localTime(facts.startedAt)}`,
    '',
    '[config]',
    `.> app:         ${facts.app}`,
    `.> transport:   ${facts.transport}`,
    `.> results:     ${facts.results}`,
    `.> concurrency: ${concurrency(facts)} (${facts.pool})`,
    '',
    '[queues]',
    ...facts.queues,
  ]
  const margin = ' '.repeat(ROOT[0].length)
  const lines = beside.map((line, index) => ` ${ROOT[index] ?? margin}   ${line}`.trimEnd())
  return ['', ...lines, '', ...taskLines(facts.tasks)].join('\n')
}

/**
 * Which tasks the banner lists, as in Celery: none above the level INFO, the user's own at INFO, built-in ones
 * (`celery.*`) too at DEBUG.
 */
export function bannerTasks(
  names: readonly string[],
  shows: { readonly info: boolean; readonly debug: boolean },
): readonly string[] | undefined {
  if (!shows.info) return undefined
  return names.filter((name) => shows.debug || !name.startsWith('celery.')).toSorted()
}

function concurrency({ concurrency, autoscale }: BannerFacts): string {
  return autoscale === undefined ? String(concurrency) : `{min=${String(autoscale.min)}, max=${String(autoscale.max)}}`
}

function taskLines(tasks: readonly string[] | undefined): string[] {
  if (tasks === undefined) return ['']
  return ['[tasks]', ...tasks.map((name) => `  . ${name}`), '', '']
}

/** `2026-11-21 10:00:00`, in the zone of the machine, as a person who starts it expects. */
function localTime(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const date = [String(time.getFullYear()), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`
}
