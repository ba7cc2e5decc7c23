/** Commands that look: what the worker has in hand, what it knows, how it is set up. */
import { inspect } from 'node:util'
import { bugReport, formatReport } from '../../app/report.ts'
import { optionalPackages, packageVersion } from '../../app/version.ts'
import type { RequestInfo, ScheduledInfo } from '../../protocol/control.ts'
import type { TaskDefinition } from '../../task/task.ts'
import { camelCase } from '../../util/case.ts'
import { requestInfo } from '../request-info.ts'
import type { Request } from '../request.ts'
import { flag, texts, toFlag } from './arguments.ts'
import type { Command, CommandTarget } from './command.ts'

/** What `registered` tells of tasks that were not asked for more. */
const TASK_INFO: readonly string[] = ['exchange', 'routing_key', 'rate_limit']
/** Celery's tasks of its own. */
const BUILTIN_PREFIX = 'celery.'
/** The priority that Celery's timer gives to tasks that wait for their time. */
const ETA_PRIORITY = 6

const report: Command = {
  name: 'report',
  kind: 'inspect',
  help: 'Versions, machine and settings, for a bug report.',
  run: async ({ app }) => {
    const facts = await bugReport(app, packageVersion(), optionalPackages())
    return { ok: formatReport(facts, app.conf.humanize()) }
  },
}

const conf: Command = {
  name: 'conf',
  kind: 'inspect',
  aliases: ['dump_conf'],
  args: [{ name: 'with_defaults', cast: toFlag }],
  signature: '[include_defaults=False]',
  help: 'The settings; secrets are masked.',
  run: ({ app }, args) => app.conf.table({ withDefaults: flag(args, 'with_defaults') }),
}

const queryTask: Command = {
  name: 'query_task',
  kind: 'inspect',
  variadic: 'ids',
  signature: '[id1 [id2 [... [idN]]]]',
  help: 'Tasks in hand by their ids: active, reserved or waiting for their time.',
  run: (worker, args) =>
    Object.fromEntries(
      texts(args, 'ids')
        .flatMap((id) => worker.state.find(id))
        .map((request) => [request.head.id, [stageOf(request, worker), infoOf(request, worker)]]),
    ),
}

const scheduled: Command = {
  name: 'scheduled',
  kind: 'inspect',
  aliases: ['dump_schedule', 'schedule'],
  help: 'Tasks that are held until their time.',
  run: (worker): ScheduledInfo[] =>
    [...worker.state.scheduled.values()]
      .sort((a, b) => (a.head.etaMs ?? 0) - (b.head.etaMs ?? 0))
      .map((request) => ({
        eta: new Date(request.head.etaMs ?? 0).toISOString(),
        priority: ETA_PRIORITY,
        request: infoOf(request, worker),
      })),
}

const reserved: Command = {
  name: 'reserved',
  kind: 'inspect',
  aliases: ['dump_reserved'],
  help: 'Tasks that were received and wait for a free slot.',
  run: (worker): RequestInfo[] =>
    [
      ...[...worker.state.active.values()].filter((request) => !hasStarted(request)),
      ...worker.state.reserved.values(),
      ...worker.state.limited.values(),
    ].map((request) => infoOf(request, worker)),
}

const active: Command = {
  name: 'active',
  kind: 'inspect',
  aliases: ['dump_active'],
  args: [{ name: 'safe', cast: toFlag }],
  signature: '[safe=False]',
  help: 'Tasks that run.',
  run: (worker, args): RequestInfo[] =>
    [...worker.state.active.values()].filter(hasStarted).map((request) => infoOf(request, worker, flag(args, 'safe'))),
}

const revoked: Command = {
  name: 'revoked',
  kind: 'inspect',
  aliases: ['dump_revoked'],
  help: 'Ids of tasks that must not run.',
  run: ({ state }) => state.revoked.values(),
}

const registered: Command = {
  name: 'registered',
  kind: 'inspect',
  aliases: ['dump_tasks', 'registered_tasks'],
  variadic: 'taskinfoitems',
  signature: '[attr1 [attr2 [... [attrN]]]]',
  help: 'The tasks that this worker can run, with these of their options.',
  run: ({ app }, args) => {
    const asked = args['taskinfoitems'] === undefined ? [] : texts(args, 'taskinfoitems')
    const names = app.tasks.names().filter((name) => flag(args, 'builtins') || !name.startsWith(BUILTIN_PREFIX))
    return names.map((name) => describeTask(app.tasks.definition(name), name, asked.length === 0 ? TASK_INFO : asked))
  },
}

/** All of them. */
export const inspectCommands: readonly Command[] = [
  report,
  conf,
  queryTask,
  scheduled,
  reserved,
  active,
  revoked,
  registered,
]

/** A request that was given to the pool may still wait in the line of a child process. */
function hasStarted(request: Request): boolean {
  return request.startedMs !== undefined
}

function stageOf(request: Request, { state }: CommandTarget): 'active' | 'reserved' | 'ready' {
  if (hasStarted(request)) return 'active'
  return state.scheduled.has(request.key) ? 'ready' : 'reserved'
}

function infoOf(request: Request, { app, facts }: CommandTarget, safe: boolean = false): RequestInfo {
  return requestInfo(request, { hostname: facts.hostname, decode: (message) => app.decode(message) }, safe)
}

/** `proj.add [rate_limit=10/m]`, as Celery writes it. */
function describeTask(definition: TaskDefinition | undefined, name: string, items: readonly string[]): string {
  const known: Readonly<Record<string, unknown>> = { ...definition?.options, ...definition?.policy }
  const shown = items.flatMap((item) => {
    const value = known[camelCase(item)]
    return value === undefined || value === null
      ? []
      : [`${item}=${typeof value === 'string' ? value : inspect(value)}`]
  })
  return shown.length === 0 ? name : `${name} [${shown.join(' ')}]`
}
