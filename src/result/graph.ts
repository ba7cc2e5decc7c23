/** The graph of a work-flow that has run: which task called which, as an object and as a drawing. */
import type { Result } from './result.ts'
import type { Step } from './walk.ts'

/** Results and the arrows from callers to what they called. */
export class ResultGraph {
  /** All results, by their ids. */
  readonly nodes: ReadonlyMap<string, Result>
  /** The ids that each result leads to: of the tasks that it called, or of the members of a group. */
  readonly edges: ReadonlyMap<string, readonly string[]>

  constructor(steps: readonly Step[]) {
    this.nodes = new Map(steps.map(([, result]) => [result.id, result]))
    const edges = new Map<string, Set<string>>(steps.map(([, { id }]) => [id, new Set()]))
    for (const [caller, { id }] of steps) if (caller !== undefined) edges.get(caller.id)?.add(id)
    this.edges = new Map([...edges].map(([id, below]) => [id, [...below]]))
  }

  /** The graph in the language of Graphviz: groups are boxes, tasks ovals, and tasks that called nothing are lighter. */
  toDot(): string {
    const nodes = [...this.nodes.values()].map((result) => `    ${quoteDot(result.id)} [${this.#look(result)}]`)
    const arrows = [...this.edges].flatMap(([id, below]) => below.map((to) => `    ${quoteDot(id)} -> ${quoteDot(to)}`))
    return ['digraph dependencies {', ...nodes, ...arrows, '}', ''].join('\n')
  }

  #look({ id, results }: Result): string {
    const shape = results === undefined ? 'oval' : 'box'
    const fill = this.edges.get(id)?.length === 0 ? 'palegreen1' : 'palegreen3'
    return `shape=${shape}, style=filled, fillcolor=${fill}`
  }
}

/** A name or label in the language of Graphviz. */
export function quoteDot(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
