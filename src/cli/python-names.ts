/**
 * Names of settings in a Python file: variables that are assigned, arguments by name, keys of dicts, and fields of `conf`.
 * Strings and comments that merely mention a name stay as they are, and so do names that the file has from elsewhere.
 */
import type { Edit, Rename } from './setting-edits.ts'

/** A piece of Python. Blanks and comments are left out, line ends within brackets too. */
interface Token {
  readonly kind: 'name' | 'string' | 'mark' | 'line end'
  readonly text: string
  readonly start: number
  /** How many brackets are open around it. */
  readonly depth: number
}

const PIECES =
  /(?<comment>#.*)|(?<string>[bBfFrRuU]{0,2}(?:"""(?:[^\\]|\\[^])*?"""|'''(?:[^\\]|\\[^])*?'''|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'))|(?<name>[\p{ID_Start}_][\p{ID_Continue}]*)|(?<end>\n)|(?<joined>\\\r?\n)|(?<mark>[-+*/%@&|^<>=!:]=|==|[^\s\p{ID_Continue}])/gu

/** The names that should be others. */
export function renamePython(source: string, rename: Rename): Edit[] {
  const tokens = tokenize(source)
  const own = assignedNames(tokens)
  return tokens.flatMap((token, index): Edit[] => {
    const name = token.kind === 'string' ? contentOf(token.text) : token.text
    const text = token.kind === 'name' || token.kind === 'string' ? rename(name) : undefined
    if (text === undefined || !isSetting(tokens, index, own)) return []
    const start = token.start + token.text.indexOf(name)
    return [{ start, end: start + name.length, text }]
  })
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let depth = 0
  for (const { groups = {}, index } of source.matchAll(PIECES)) {
    const { string, name, mark, end } = groups
    if (mark !== undefined && '([{'.includes(mark)) depth += 1
    const push = (kind: Token['kind'], text: string): void => void tokens.push({ kind, text, start: index, depth })
    if (string !== undefined) push('string', string)
    else if (name !== undefined) push('name', name)
    else if (mark !== undefined) push('mark', mark)
    else if (end !== undefined && depth === 0) push('line end', end)
    if (mark !== undefined && ')]}'.includes(mark)) depth = Math.max(0, depth - 1)
  }
  return tokens
}

/** Without its prefix and quotes. */
function contentOf(string: string): string {
  return string.replace(/^\w*("""|'''|"|')([^]*)\1$/, '$2')
}

/** Variables that the file itself assigns at the beginning of a statement, and does not import. */
function assignedNames(tokens: readonly Token[]): ReadonlySet<string> {
  const assigned = new Set<string>()
  const imported = new Set<string>()
  let isImport = false
  for (const [index, { kind, text, depth }] of tokens.entries()) {
    const before = tokens[index - 1]
    const isFirst = before === undefined || before.kind === 'line end' || (before.text === ';' && depth === 0)
    if (isFirst) isImport = text === 'import' || text === 'from'
    if (kind !== 'name') continue
    if (isImport) imported.add(text)
    else if (isFirst && depth === 0 && /^(?:[-+*/%@&|]?=|:)$/.test(tokens[index + 1]?.text ?? '')) assigned.add(text)
  }
  return new Set([...assigned].filter((name) => !imported.has(name)))
}

function isSetting(tokens: readonly Token[], index: number, own: ReadonlySet<string>): boolean {
  const { kind, text, depth } = tokens[index] as Token
  const before = tokens[index - 1]?.text
  const beforeThat = tokens[index - 2]?.text
  const after = tokens[index + 1]?.text
  // conf.NAME, conf['NAME']
  if ((before === '.' || before === '[') && beforeThat === 'conf') return kind === 'name' ? before === '.' : true
  if (kind === 'string') return after === ':' && (before === '{' || before === ',')
  if (before === '.') return false
  const isArgument = depth > 0 && after === '=' && (before === '(' || before === ',')
  return isArgument || own.has(text)
}
