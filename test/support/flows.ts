/**
 * Work-flows as neutral descriptions: `["chain", ["t", 1, {}], ["t", 2, {}]]`. The same description is built here and, by
 * `test/interop/python/flows.py`, in Python; what both make of it is compared. Random ones come from `flows()`.
 */
import fc from 'fast-check'
import {
  AsyncResult,
  chain,
  chord,
  chunks,
  group,
  GroupResult,
  ImproperlyConfigured,
  starmap,
  xmap,
} from '../../src/index.ts'
import type { AnySignature, Celery, PublishOptions, SignatureData } from '../../src/index.ts'
import { NOTHING_GIVEN } from '../../src/canvas/merging.ts'
import { linksOf } from '../../src/canvas/options.ts'
import { CHUNKS_TASK, MAP_TASK, STARMAP_TASK } from '../../src/protocol/names.ts'

/**
 * Which task a leaf calls: one that answers its arguments, one that fails; what links call; an errback that is sent with the
 * id of the failed task, and one that is called with request, error and traceback where it is known.
 */
export type LeafKind = 't' | 'fail' | 'note' | 'told' | 'caught'

/** How a work-flow is built; `flows.py` says what the words mean. */
export type Spec =
  | readonly ['t', number, LeafOptions]
  | readonly ['si' | 'fail' | 'note' | 'told' | 'caught', number]
  | readonly ['kw', number, Readonly<Record<string, unknown>>]
  | readonly ['map', number, readonly number[]]
  | readonly ['starmap', number, readonly (readonly number[])[]]
  | readonly ['chunks' | 'chunked', number, readonly (readonly number[])[], number]
  | readonly ['chain' | 'group', ...Spec[]]
  | readonly ['chord', readonly Spec[], Spec]
  | readonly ['pipe', Spec, Spec]
  | readonly ['link' | 'link_error', Spec, Spec]
  | readonly ['set', Spec, LeafOptions]
  | readonly ['immutable' | 'clone' | 'json' | 'frozen', Spec]
  | readonly ['partial', Spec, readonly number[]]
  | readonly ['stamp', Spec, Readonly<Record<string, string>>]

/** Options whose names are the same on both sides. */
export type LeafOptions = Pick<PublishOptions, 'queue' | 'priority'>

/** A work-flow, and what it is sent with. */
export interface Flow {
  readonly spec: Spec
  readonly call: { readonly args: readonly number[]; readonly options: LeafOptions }
}

/** What becomes of a work-flow; `flows.py` says what the fields are. */
export interface Description {
  readonly data: unknown
  readonly frozen: unknown
  readonly messages: readonly Message[]
  readonly chords: readonly unknown[]
  readonly result: 'task' | 'group' | null
}

/** A message, as far as it is the work-flow's matter. */
export interface Message {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: unknown
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
/** Options that Python sometimes writes as null, which says the same as to leave them out. */
const SAY_NOTHING: ReadonlySet<string> = new Set(['chord', 'root_id', 'parent_id'])

/** Which tasks a work-flow calls. */
export interface FlowTasks {
  /** What a leaf calls. */
  nameOf(kind: LeafKind, mark: number): string
  /** Options of a message that calls `t` many times: it is not routed as `t` wherever it is sent from. */
  callOptions(mark: number): LeafOptions
}

const TASKS: FlowTasks = { nameOf: (kind) => `proj.${kind}`, callOptions: () => ({}) }

/** The signature that a spec describes. */
export function buildFlow(app: Celery, spec: Spec, tasks: FlowTasks = TASKS): AnySignature {
  const { nameOf, callOptions } = tasks
  const build = (one: Spec): AnySignature => buildFlow(app, one, tasks)
  const leaf = (kind: LeafKind, mark: number, options: PublishOptions & { immutable?: boolean } = {}): AnySignature =>
    app.signature(nameOf(kind, mark), [mark], options)
  const bare = (mark: number): AnySignature => app.signature(nameOf('t', mark))
  switch (spec[0]) {
    case 't':
      return leaf('t', spec[1], spec[2])
    case 'si':
      return leaf('t', spec[1], { immutable: true })
    case 'kw':
      return leaf('t', spec[1], { kwargs: spec[2] })
    case 'fail':
    case 'note':
    case 'told':
    case 'caught':
      return leaf(spec[0], spec[1])
    case 'map':
      return xmap(bare(spec[1]), spec[2]).set(callOptions(spec[1]))
    case 'starmap':
      return starmap(bare(spec[1]), spec[2] as never).set(callOptions(spec[1]))
    case 'chunks':
      return chunks(bare(spec[1]), spec[2] as never, spec[3]).set(callOptions(spec[1]))
    case 'chunked': {
      const parts = chunks(bare(spec[1]), spec[2] as never, spec[3]).group()
      for (const part of parts) part.set(callOptions(spec[1]))
      return parts
    }
    case 'chain':
      return chain(spec.slice(1).map((one) => build(one as Spec))) as AnySignature
    case 'group':
      return app.signature(group(spec.slice(1).map((one) => build(one as Spec))).toJSON())
    case 'chord':
      return chord(spec[1].map(build), build(spec[2]) as never) as AnySignature
    case 'pipe':
      return build(spec[1]).pipe(build(spec[2]) as never) as AnySignature
    case 'link':
    case 'link_error':
    case 'set':
    case 'immutable':
    case 'clone':
    case 'json':
    case 'frozen':
    case 'partial':
    case 'stamp':
      return changed(app, build(spec[1]), spec, build)
  }
}

type Change = Extract<
  Spec,
  readonly [
    'link' | 'link_error' | 'set' | 'immutable' | 'clone' | 'json' | 'frozen' | 'partial' | 'stamp',
    ...unknown[],
  ]
>

function changed(app: Celery, made: AnySignature, spec: Change, build: (one: Spec) => AnySignature): AnySignature {
  switch (spec[0]) {
    case 'link':
      made.link(build(spec[2]))
      return made
    case 'link_error':
      return made.onError(build(spec[2]))
    case 'set':
      return made.set(spec[2])
    case 'immutable':
      return made.setImmutable(true)
    case 'partial':
      return made.clone({ ...NOTHING_GIVEN, args: spec[2] })
    case 'clone':
      return made.clone()
    case 'json':
      return app.signature(JSON.parse(JSON.stringify(made)) as never)
    case 'frozen':
      made.settle({})
      return made
    case 'stamp':
      return made.stamp(spec[2])
  }
}

/** What this side makes of it. Nothing is sent: `app` has a broker of its own. */
export async function describeFlow(app: Celery, { spec, call }: Flow): Promise<Description> {
  const data = buildFlow(app, spec)
  const ready = buildFlow(app, spec)
  const frozen = { data: ready, result: ready.settle({}) }
  const chords = [...buildFlow(app, spec).steps({ args: call.args, kwargs: {}, options: call.options })]
    .filter((step) => step.kind === 'chord')
    .map(({ header: { groupId, ...rest } }) => neutral({ group: groupId, ...rest }))

  const messages: Message[] = []
  const stop = app.signals.on('before-task-publish', ({ headers, body }) => {
    messages.push(JSON.parse(JSON.stringify({ headers, body })) as Message)
  })
  try {
    const answer: unknown = await buildFlow(app, spec).applyAsync([...call.args], call.options)
    const result = answer instanceof GroupResult ? 'group' : answer instanceof AsyncResult ? 'task' : null
    return { data, frozen, messages, chords, result }
  } finally {
    stop()
  }
}

/** In a form that is equal for equal work-flows: what names a process, and the ids themselves, are left out. */
export function comparable({ data, frozen, messages, chords, result }: Description): Description {
  const anonymous = messages.map(({ headers, body }) => ({
    headers: { ...headers, lang: '', origin: '', ...reprsOf(headers) },
    body,
  }))
  return {
    data: neutral(data),
    frozen: neutral(frozen),
    messages: neutral(anonymous) as Message[],
    chords: chords.map(neutral),
    result,
  }
}

/** Python shows in them what is a tuple and what a list; we have lists, and write arguments as Python has them mostly. */
function reprsOf({ argsrepr, kwargsrepr }: Message['headers']): Message['headers'] {
  const withoutTuples = (repr: unknown): string => String(repr).replaceAll('(', '[').replaceAll(/,?\)/g, ']')
  return { argsrepr: withoutTuples(argsrepr), kwargsrepr: withoutTuples(kwargsrepr) }
}

/** Ids by the order in which they come, fields in one order. */
export function neutral(value: unknown): unknown {
  const ids = new Map<string, string>()
  const text = JSON.stringify(value, (_key, one: unknown) =>
    typeof one !== 'object' || one === null || Array.isArray(one) || 'toJSON' in one
      ? one
      : Object.fromEntries(
          Object.entries(one)
            .filter(([name, field]) => !(field === null && SAY_NOTHING.has(name)))
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        ),
  )
  return JSON.parse(
    text.replace(UUID, (id) => {
      const known = ids.get(id) ?? `id-${String(ids.size)}`
      ids.set(id, known)
      return known
    }),
  )
}

/** Which work-flows `flows()` makes. */
export interface FlowOptions {
  /** How deep they are nested. Default 4. */
  readonly depth?: number
  /** With steps that fail. Default false. */
  readonly failing?: boolean
  /** With what is done to finished parts: options, copies, plain data in between, partial arguments, stamps. Default true. */
  readonly changes?: boolean
  /** With `map`, `starmap` and `chunks`. Default true. */
  readonly calls?: boolean
}

/** Random work-flows. */
export function flows(options: FlowOptions = {}): fc.Arbitrary<Flow> {
  const { depth = 4, changes = true } = options
  const call = fc.record({
    args: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(fc.nat(9), { maxLength: 2 })),
    options: changes ? sometimes(OPTIONS) : fc.constant({}),
  })
  return fc.record({ spec: specs(depth, options), call })
}

const MARK = fc.nat(99)
const OPTIONS: fc.Arbitrary<LeafOptions> = fc.oneof(
  fc.record({ queue: fc.constantFrom('a', 'b') }),
  fc.record({ priority: fc.constantFrom(3, 6) }),
)
const ROWS = fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 })
const NOTE: fc.Arbitrary<Spec> = fc.tuple(fc.constant('note' as const), MARK)
const LINK = fc.oneof(NOTE, immutable(NOTE), fc.tuple(fc.constant('chain' as const), NOTE, NOTE))
const TOLD: fc.Arbitrary<Spec> = fc.tuple(fc.constantFrom('told' as const, 'caught' as const), MARK)
// Python calls a chain as if it took request, error and traceback, which no message can carry: its first step takes nothing.
const ERRBACK = fc.oneof(TOLD, immutable(TOLD), fc.tuple(fc.constant('chain' as const), immutable(NOTE), NOTE))

function immutable(leaf: fc.Arbitrary<Spec>): fc.Arbitrary<Spec> {
  return fc.tuple(fc.constant('immutable' as const), leaf)
}

function sometimes(options: fc.Arbitrary<LeafOptions>): fc.Arbitrary<LeafOptions> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, options)
}

function leaves({ failing = false, changes = true, calls = true }: FlowOptions): fc.Arbitrary<Spec> {
  const plain = fc.tuple(fc.constant('t' as const), MARK, changes ? sometimes(OPTIONS) : fc.constant({}))
  const rare: fc.Arbitrary<Spec>[] = [fc.tuple(fc.constant('si' as const), MARK)]
  if (failing) rare.push(fc.tuple(fc.constant('fail' as const), MARK))
  if (changes) rare.push(fc.tuple(fc.constant('kw' as const), MARK, fc.record({ a: fc.nat(9) })))
  if (calls) {
    const called = fc.oneof(
      fc.tuple(fc.constant('map' as const), MARK, fc.array(fc.nat(9), { maxLength: 3 })),
      fc.tuple(fc.constant('starmap' as const), MARK, ROWS),
      fc.tuple(fc.constantFrom('chunks' as const, 'chunked' as const), MARK, ROWS, fc.integer({ min: 1, max: 3 })),
    )
    rare.push(called, called)
  }
  return fc.oneof({ weight: 4, arbitrary: plain }, ...rare.map((arbitrary) => ({ weight: 1, arbitrary })))
}

function specs(depth: number, options: FlowOptions): fc.Arbitrary<Spec> {
  const leaf = leaves(options)
  if (depth === 0) return leaf
  const inner = specs(depth - 1, options)
  const nested: fc.Arbitrary<Spec> = fc.oneof(
    { weight: 3, arbitrary: listed('chain', fc.array(inner, { maxLength: 3 })) },
    { weight: 3, arbitrary: listed('group', fc.array(inner, { maxLength: 3 })) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('chord' as const), fc.array(inner, { maxLength: 3 }), inner) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('pipe' as const), inner, inner) },
    { weight: 4, arbitrary: fc.tuple(fc.constant('link' as const), inner, LINK) },
    {
      weight: options.failing === true ? 6 : 1,
      arbitrary: fc.tuple(fc.constant('link_error' as const), inner, ERRBACK),
    },
  )
  // A copy of `chunks` is a plain task in Python, and `chunks` here.
  const copyable = inner.filter((spec) => !JSON.stringify(spec).includes('"chunks"'))
  const changed: fc.Arbitrary<Spec> = fc.oneof(
    fc.tuple(fc.constantFrom('immutable' as const, 'json' as const, 'frozen' as const), inner),
    fc.tuple(fc.constant('clone' as const), copyable),
    fc.tuple(fc.constant('set' as const), inner, OPTIONS),
    fc.tuple(fc.constant('partial' as const), copyable, fc.array(fc.nat(9), { maxLength: 2 })),
    fc.tuple(fc.constant('stamp' as const), inner, fc.record({ trace: fc.constantFrom('x', 'y') })),
  )
  if (options.changes === false) return fc.oneof({ weight: 1, arbitrary: leaf }, { weight: 6, arbitrary: nested })
  return fc.oneof({ weight: 2, arbitrary: leaf }, { weight: 10, arbitrary: nested }, { weight: 2, arbitrary: changed })
}

function listed(kind: 'chain' | 'group', members: fc.Arbitrary<Spec[]>): fc.Arbitrary<Spec> {
  return members.map((all) => [kind, ...all] as const)
}

/**
 * Why a work-flow is not compared with what Python makes of it; undefined where it is. These are the differences that there
 * are on purpose, nearly all of them where Python loses something.
 */
export function whyNotCompared(app: Celery, { spec }: Flow): string | undefined {
  try {
    return notCompared(buildFlow(app, spec).toJSON())
  } catch (error) {
    if (error instanceof ImproperlyConfigured) return 'a work-flow of nothing belongs to no app'
    throw error
  }
}

/**
 * Why a work-flow is not run in both languages; undefined where it is. With `failing` steps, groups and chords that come after
 * one are left out, and bodies of more than one task: older versions of Python leave them without an end, newer ones revoke and fail
 * them at the same time.
 */
export function whyNotRun(app: Celery, flow: Flow, failing: boolean): string | undefined {
  const why = whyNotCompared(app, flow)
  if (why !== undefined) return why
  const data = buildFlow(app, flow.spec).toJSON()
  if (has(data, (one) => one.subtask_type === 'chain' && size(one) === 0)) return 'a chain of nothing cannot be sent'
  // Of the spec, for a copy may have lost it already.
  if (JSON.stringify(flow.spec).includes('["group"]')) return 'before 5.6 Python keeps empty groups in chains'
  if (has(data, linksImmutableChain)) return 'reading a chain, Python forgets that it is immutable'
  if (has(data, goesOnAfterChunks))
    return 'what chunks in a work-flow answer, a result, Python stores but cannot send on'
  if (has(data, linksLastChord)) return 'Python does not send a chord that has links of its own'
  if (has(data, goesOnAfterEach))
    return 'a group that is the body of a chord of nothing goes on with each of its members'
  if (failing && has(data, nestsFailingChord))
    return 'Python does not count a body that fails as a part of another chord'
  if (failing && has(data, goesOnAfterChord)) return 'what comes after a chord, Python does not fail with its header'
  if (failing && has(data, goesOnWithMany))
    return 'what becomes of a group or chord after a step that failed is not defined'
  return undefined
}

/** As a group does with a link: it gives a copy, which takes nothing, to its first member. */
function linksImmutableChain({ options }: SignatureData): boolean {
  return linksOf(options.link).some(({ subtask_type: type, immutable }) => type === 'chain' && immutable)
}

function goesOnAfterChunks(flow: SignatureData): boolean {
  if (flow.task === CHUNKS_TASK) return flow.options.link !== undefined
  return flow.subtask_type === 'chain' && membersOf(flow.kwargs['tasks']).some(({ task }) => task === CHUNKS_TASK)
}

/** Both sides do, and the member that is last leaves its value. */
function goesOnAfterEach({ subtask_type: type, kwargs }: SignatureData): boolean {
  if (type !== 'chain') return false
  return membersOf(kwargs['tasks'])
    .slice(0, -1)
    .some(
      ({ kwargs: { header, body } }) => isData(body) && body.subtask_type === 'group' && membersOf(header).length === 0,
    )
}

/** Has a chord a part that is a chord with a step that fails in it? */
function nestsFailingChord({ kwargs }: SignatureData): boolean {
  return membersOf(kwargs['header']).some(
    (part) => has(part, fails) && has(part, ({ subtask_type: type }) => type === 'chord'),
  )
}

function goesOnAfterChord({ subtask_type: type, kwargs }: SignatureData): boolean {
  if (type !== 'chain') return false
  return membersOf(kwargs['tasks'])
    .slice(0, -1)
    .some((step) => membersOf(step.kwargs['header']).some((part) => has(part, fails)))
}

function fails({ task }: SignatureData): boolean {
  return task.endsWith('.fail')
}

/** A chain gives its links to its last step, and a group those that it is given to its members. */
function linksLastChord({ subtask_type: type, options, kwargs }: SignatureData): boolean {
  if (type !== 'chain' || options.link === undefined) return false
  return membersOf(kwargs['tasks'])
    .slice(-1)
    .some((last) => has(last, ({ subtask_type: kind }) => kind === 'chord'))
}

/** Is it so of the work-flow, or of any in it? */
function has(flow: SignatureData, test: (one: SignatureData) => boolean): boolean {
  const { tasks, header, body } = flow.kwargs as Readonly<Record<string, unknown>>
  const members = [...membersOf(tasks), ...membersOf(header), ...membersOf([body])]
  return test(flow) || members.some((member) => has(member, test))
}

function goesOnWithMany({ subtask_type: type, kwargs }: SignatureData): boolean {
  // Before 5.6 a chain that is a body has no id of its own, and the failure of the header is stored nowhere.
  if (membersOf([kwargs['body']]).some(({ subtask_type: kind }) => kind !== null)) return true
  const later = type === 'chain' ? membersOf(kwargs['tasks']).slice(1) : []
  return later.some((one) => has(one, ({ subtask_type: kind }) => kind === 'group' || kind === 'chord'))
}

function size({ subtask_type: type, kwargs }: SignatureData): number {
  const { tasks, header, body } = kwargs as Readonly<Record<string, unknown>>
  if (type === null) return 1
  return [...membersOf(tasks), ...membersOf(header), ...membersOf([body])].reduce((sum, one) => sum + size(one), 0)
}

function notCompared(flow: SignatureData, isTop: boolean = true): string | undefined {
  const { task, args, kwargs, options, immutable, subtask_type: type } = flow
  const { tasks, header, body } = kwargs as Readonly<Record<string, unknown>>
  if (type !== null && args.length > 0) return 'copying a chain, group or chord, Python forgets its partial arguments'
  if (type === 'chain' && immutable) return 'copying a chain, Python forgets that it is immutable'
  if (isTop && CALLING.has(task) && Object.keys(options).length > 0) return 'sending a map, Python forgets its options'
  if (type === 'chain' && /group chord \w+/.test(membersOf(tasks).map(kindOf).join(' '))) {
    return 'of a group before a chord before another step Python names results twice'
  }
  if (type === 'chord') {
    if (isData(body) && isEmpty(body)) return 'an empty group is false in Python: as a body it is taken for none'
    if (!isTop && options.task_id !== undefined) return 'whether a frozen chord was copied shows in its header'
    if (membersOf(header).some(endsInLaterGroup))
      return 'Python counts a chord anew when it sends a group of its header'
  }
  for (const member of [...membersOf(tasks), ...membersOf(header), ...membersOf([body])]) {
    const why = notCompared(member, false)
    if (why !== undefined) return why
  }
  return undefined
}

const CALLING: ReadonlySet<string> = new Set([MAP_TASK, STARMAP_TASK, CHUNKS_TASK])

function kindOf({ subtask_type: type }: SignatureData): string {
  return type ?? 'task'
}

function isEmpty({ subtask_type: type, kwargs }: SignatureData): boolean {
  return type === 'group' && membersOf(kwargs['tasks']).every(isEmpty)
}

/** Does it have, or may it become, a group that is sent later? */
function endsInLaterGroup({ subtask_type: type, kwargs }: SignatureData): boolean {
  const tasks = membersOf(kwargs['tasks'])
  if (type === 'group') return tasks.some(endsInLaterGroup)
  return type === 'chain' ? tasks.slice(1).some(endsInGroup) : membersOf([kwargs['body']]).some(endsInGroup)
}

function endsInGroup({ subtask_type: type, kwargs }: SignatureData): boolean {
  if (type === 'group') return true
  return membersOf(type === 'chain' ? kwargs['tasks'] : [kwargs['body']])
    .slice(-1)
    .some(endsInGroup)
}

function membersOf(value: unknown): SignatureData[] {
  return (Array.isArray(value) ? value : isData(value) ? membersOf(value.kwargs['tasks']) : []).filter(isData)
}

function isData(value: unknown): value is SignatureData {
  return typeof value === 'object' && value !== null && 'subtask_type' in value
}
