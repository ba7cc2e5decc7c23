/** The drawing of a work-flow that has not been sent yet, from its signature: what leads to what. */
import { readSignature } from '../protocol/signature.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { quoteDot } from '../result/graph.ts'
import { repr } from '../util/repr.ts'

/** Where a part of the work-flow begins and ends. */
interface Part {
  readonly starts: readonly string[]
  readonly ends: readonly string[]
}

const LONGEST_LABEL = 60
const TASK = 'shape=box, style="filled,rounded", fillcolor=palegreen1'
const LINK = 'style=dashed, label=link'
const LINK_ERROR = 'style=dashed, color=firebrick, fontcolor=firebrick, label=link_error'

/** The work-flow in the language of Graphviz. Throws `InvalidTaskError` for what is no signature. */
export function flowDot(signature: unknown): string {
  const drawing = new Drawing()
  drawing.add(signature)
  return ['digraph flow {', ...drawing.lines, '}', ''].join('\n')
}

class Drawing {
  readonly lines: string[] = []
  #nodes = 0

  /** Draw a signature of any kind. */
  add(value: unknown): Part {
    const signature = readSignature(value)
    const part = this.#addKind(signature)
    for (const link of listOf(signature.options.link)) this.#connect(part.ends, this.add(link).starts, LINK)
    for (const link of listOf(signature.options.link_error)) this.#connect(part.ends, this.add(link).starts, LINK_ERROR)
    return part
  }

  #addKind(signature: SignatureData): Part {
    const { subtask_type: type, kwargs } = signature
    if (type === 'chain') return this.#addChain(listOf(kwargs['tasks']))
    if (type === 'group') return this.#addGroup(listOf(kwargs['tasks']))
    if (type === 'chord') return this.#addChord(kwargs)
    return this.#addTask(signature)
  }

  #addChain(steps: readonly unknown[]): Part {
    let starts: readonly string[] = []
    let ends: readonly string[] = []
    for (const step of steps) {
      const part = this.add(step)
      if (part.starts.length === 0) continue
      this.#connect(ends, part.starts)
      if (starts.length === 0) starts = part.starts
      ends = part.ends
    }
    return { starts, ends }
  }

  #addGroup(members: readonly unknown[]): Part {
    const parts = members.map((member) => this.add(member))
    return { starts: parts.flatMap((part) => part.starts), ends: parts.flatMap((part) => part.ends) }
  }

  /** The header is a list, or a group's signature. */
  #addChord({ header, body }: SignatureData['kwargs']): Part {
    const first = Array.isArray(header) ? this.#addGroup(header) : this.add(header)
    if (body === undefined || body === null) return first
    const last = this.add(body)
    this.#connect(first.ends, last.starts)
    return { starts: first.starts.length === 0 ? last.starts : first.starts, ends: last.ends }
  }

  #addTask(signature: SignatureData): Part {
    this.#nodes += 1
    const id = `t${String(this.#nodes)}`
    this.lines.push(`    ${id} [label=${quoteDot(labelOf(signature))}, ${TASK}]`)
    return { starts: [id], ends: [id] }
  }

  #connect(from: readonly string[], to: readonly string[], look?: string): void {
    for (const a of from)
      for (const b of to) this.lines.push(`    ${a} -> ${b}${look === undefined ? '' : ` [${look}]`}`)
  }
}

function labelOf({ task, args, kwargs }: SignatureData): string {
  const named = Object.entries(kwargs).map(([name, value]) => `${name}=${repr(value)}`)
  const label = `${task}(${[...args.map((value) => repr(value)), ...named].join(', ')})`
  return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label
}

/** One or many, as Python has links. */
function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}
