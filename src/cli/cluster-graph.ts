/** The drawing of a cluster: workers with their threads or processes, around the broker and the result backend. */
import { quoteDot } from '../result/graph.ts'

/** What is drawn. */
export interface Cluster {
  readonly broker: string
  readonly backend: string | undefined
  readonly workers: readonly ClusterWorker[]
}

export interface ClusterWorker {
  readonly name: string
  /** How many tasks it runs at a time; undefined where it does not say. */
  readonly concurrency: number | undefined
}

/** How it is drawn. */
export interface ClusterStyle {
  /** Kinds of broker and backend instead of their URLs. */
  readonly generic: boolean
  /** Numbers instead of names. */
  readonly enumerate: boolean
  /** The most workers that are drawn one by one; 0 is any number. */
  readonly maxWorkers: number
  /** The most threads of a worker that are drawn one by one; 0 is any number. */
  readonly maxThreads: number
}

const LOOKS = {
  broker: 'shape=circle, fillcolor=cadetblue3, color=cadetblue4',
  backend: 'shape=folder, fillcolor=peachpuff3',
  worker: 'shape=box, fillcolor=lightskyblue1, color=lightskyblue4',
  thread: 'shape=oval, fillcolor=lightcyan4, fontcolor=white, fontsize=10, width=0.3',
}

/** The cluster in the language of Graphviz. */
export function clusterDot(cluster: Cluster, style: ClusterStyle): string {
  const lines: string[] = []
  const node = (id: string, label: string, look: string): void =>
    void lines.push(`    ${quoteDot(id)} [label=${quoteDot(label)}, style=filled, ${look}]`)
  const arrow = (from: string, to: string, look = ''): void =>
    void lines.push(`    ${quoteDot(from)} -> ${quoteDot(to)}${look}`)

  node('broker', labelOf('Broker', cluster.broker, style), LOOKS.broker)
  if (cluster.backend !== undefined) node('backend', labelOf('Backend', cluster.backend, style), LOOKS.backend)
  for (const worker of abbreviate(named(cluster.workers, style), style.maxWorkers, 'W')) {
    node(worker.id, worker.label, LOOKS.worker)
    arrow(worker.id, 'broker')
    if (cluster.backend !== undefined) arrow(worker.id, 'backend')
    for (const thread of threadsOf(worker, style)) {
      node(thread.id, thread.label, LOOKS.thread)
      arrow(thread.id, worker.id, ' [arrowhead=none, arrowtail=tee]')
    }
  }
  return ['digraph cluster {', '    rankdir=LR', ...lines, '}', ''].join('\n')
}

interface Drawn {
  readonly id: string
  readonly label: string
  readonly concurrency: number
}

function named(workers: readonly ClusterWorker[], { enumerate }: ClusterStyle): Drawn[] {
  return workers.map(({ name, concurrency = 0 }, index) => {
    return { id: name, label: enumerate ? `Worker${subscript(index + 1)}` : name, concurrency }
  })
}

function threadsOf({ id, concurrency }: Drawn, { enumerate, maxThreads }: ClusterStyle): readonly Drawn[] {
  const threads = Array.from({ length: concurrency }, (_, index) => ({
    id: `${id} ${String(index)}`,
    label: enumerate ? `P${subscript(index + 1)}` : String(index),
    concurrency: 0,
  }))
  return abbreviate(threads, maxThreads, 'P')
}

/** The first ones, then one that stands for all between, and the last. */
function abbreviate(all: readonly Drawn[], most: number, letter: string): readonly Drawn[] {
  const last = all.at(-1)
  if (most < 3 || all.length <= most || last === undefined) return all
  const between = all.length - most + 1
  const middle = { id: `${last.id} …`, label: `${letter}⎨…${subscript(between)}⎬`, concurrency: 0 }
  return [...all.slice(0, most - 2), middle, last]
}

function labelOf(kind: string, url: string, { generic }: ClusterStyle): string {
  return generic ? `${kind} (${url.split('://')[0] ?? url}://)` : url
}

function subscript(number: number): string {
  return String(number).replaceAll(/\d/g, (digit) => '₀₁₂₃₄₅₆₇₈₉'.charAt(Number(digit)))
}
