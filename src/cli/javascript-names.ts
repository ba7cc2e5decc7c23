/**
 * Names of settings in JavaScript, TypeScript or JSON: keys of objects, exported constants, and fields of `conf`. Strings
 * and comments that merely mention a name stay as they are.
 */
import { tokenizer, tokTypes } from 'acorn'
import { ImproperlyConfigured } from '../errors.ts'
import type { Edit, Rename } from './setting-edits.ts'

interface Token {
  readonly kind: 'name' | 'string' | 'mark'
  readonly text: string
  readonly start: number
  /** The bracket that is open around it. */
  readonly within: string | undefined
}

const OPENING: readonly string[] = ['(', '[', '{', '${']
const CLOSING: readonly string[] = [')', ']', '}']

/** The names that should be others. Throws `ImproperlyConfigured` for what cannot be read. */
export function renameJavaScript(source: string, rename: Rename): Edit[] {
  const tokens = tokenize(source)
  const own = exportedNames(tokens)
  return tokens.flatMap((token, index): Edit[] => {
    const name = token.kind === 'string' ? token.text.slice(1, -1) : token.text
    const text = token.kind === 'mark' ? undefined : rename(name)
    if (text === undefined || !isSetting(tokens, index, own)) return []
    const start = token.start + (token.kind === 'string' ? 1 : 0)
    return [{ start, end: start + name.length, text }]
  })
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  const open: string[] = []
  try {
    for (const { type, start, end } of tokenizer(source, { ecmaVersion: 'latest', sourceType: 'module' })) {
      const text = source.slice(start, end)
      // The text between the values of a template may look like anything.
      if (type === tokTypes.template) continue
      if (CLOSING.includes(text)) open.pop()
      const kind = type === tokTypes.name ? 'name' : type === tokTypes.string ? 'string' : 'mark'
      tokens.push({ kind, text, start, within: open.at(-1) })
      if (OPENING.includes(text)) open.push(text)
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImproperlyConfigured(`The file cannot be read: ${reason}`, { cause: error })
  }
  return tokens
}

/** `export const NAME`: a module's exports may be the settings. */
function exportedNames(tokens: readonly Token[]): ReadonlySet<string> {
  return new Set(
    tokens.flatMap(({ kind, text }, index) => {
      const before = tokens[index - 1]?.text ?? ''
      return kind === 'name' && /^(?:const|let|var)$/.test(before) && tokens[index - 2]?.text === 'export' ? [text] : []
    }),
  )
}

function isSetting(tokens: readonly Token[], index: number, own: ReadonlySet<string>): boolean {
  const { kind, text, within } = tokens[index] as Token
  const [beforeThat, before, after] = [tokens[index - 2]?.text, tokens[index - 1]?.text, tokens[index + 1]?.text]
  // conf.name, conf['name']
  if ((before === '.' || before === '[') && beforeThat === 'conf') return kind === 'name' ? before === '.' : true
  const isKey = within === '{' && after === ':' && (before === '{' || before === ',')
  // A constant within an object is its value, or stands for both, and then the key is what was meant.
  return isKey || (kind === 'name' && own.has(text) && before !== '.')
}
