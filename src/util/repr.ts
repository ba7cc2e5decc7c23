/**
 * Short Python-like text of a value, for people: `argsrepr`, `kwargsrepr`, logs and events. Bounded in length and depth
 * for any input; nobody reads it back. Follows `celery/utils/saferepr.py`, but quotes text as Python's `repr` does, so
 * that no line break or control character of an argument reaches a log.
 */
import { isUtf8 } from 'node:buffer'

/** Marks the classes of `serialization/values.ts`, which lie above this file; its value names Python's type. */
const pythonBrand: symbol = Symbol.for('celeriac.python')

export interface ReprOptions {
  /** Cut off after about so many characters. Default 1024. */
  readonly maxLength?: number
  /** Show containers inside one another so many levels deep, at most 100. Default 3. */
  readonly maxDepth?: number
}

const MAX_LENGTH = 1024
const MAX_DEPTH = 3
/** Keeps a caller's depth from becoming a stack overflow. */
const DEEPEST = 100

/** A text that is being written. */
interface Draft {
  text: string
  /** How many more characters are wanted. */
  left: number
  readonly maxDepth: number
  /** The containers that the current value lies in. */
  readonly path: object[]
}

/** The text of any value. Never throws; what cannot be looked at is said to be so. */
export function repr(value: unknown, options?: ReprOptions): string {
  const draft = startDraft(options)
  writeValue(draft, value)
  return draft.text
}

/** The text of a list as a tuple: `(1, 'x')`, `(1,)`, `()`. */
export function reprArgs(args: readonly unknown[], options?: ReprOptions): string {
  if (args.length === 0) return '()'
  const draft = startDraft(options)
  writeItems(draft, args, '(', args.length === 1 ? ',)' : ')')
  return draft.text
}

/** The text of named arguments: `{'a': 1}`. */
export function reprKwargs(kwargs: Readonly<Record<string, unknown>>, options?: ReprOptions): string {
  const draft = startDraft(options)
  writeValue(draft, kwargs)
  return draft.text
}

function startDraft(options: ReprOptions | undefined): Draft {
  return {
    text: '',
    left: options?.maxLength ?? MAX_LENGTH,
    maxDepth: Math.min(options?.maxDepth ?? MAX_DEPTH, DEEPEST),
    path: [],
  }
}

function write(draft: Draft, text: string): void {
  draft.text += text
  draft.left -= text.length
}

function writeValue(draft: Draft, value: unknown): void {
  switch (typeof value) {
    case 'string':
      write(draft, quoteShort(value, draft.left))
      return
    case 'number':
      write(draft, numberText(value))
      return
    case 'boolean':
      write(draft, value ? 'True' : 'False')
      return
    case 'object':
      if (value === null) write(draft, 'None')
      else writeObject(draft, value)
      return
    case 'undefined':
      write(draft, 'None')
      return
    case 'function':
      write(draft, `<function ${value.name}>`)
      return
    default:
      write(draft, String(value))
  }
}

function writeObject(draft: Draft, value: object): void {
  const depth = draft.path.length
  try {
    if (Array.isArray(value)) writeItems(draft, value, '[', ']')
    else if (pythonBrand in value) write(draft, pythonText(value))
    else if (value instanceof Uint8Array) write(draft, bytesText(value, draft.left))
    else if (value instanceof Date) write(draft, dateText(value))
    else if (value instanceof Map) writeEntries(draft, value, [...(value as Map<unknown, unknown>)])
    else if (value instanceof Set) writeSet(draft, value)
    else if (value instanceof Error) write(draft, `${value.name}(${quoteShort(value.message, draft.left)})`)
    else writeRecord(draft, value)
  } catch {
    // A getter, a proxy or a `toJSON` of the user's threw.
    draft.path.length = depth
    write(draft, '<Unrepresentable object>')
  }
}

function writeSet(draft: Draft, value: ReadonlySet<unknown>): void {
  if (value.size === 0) write(draft, 'set()')
  else writeItems(draft, [...value], '{', '}')
}

/** A plain object, or an instance as the plain data that it would travel as. */
function writeRecord(draft: Draft, value: object): void {
  const { toJSON } = value as { toJSON?: unknown }
  const plain: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, value, []) : value
  // JSON asks an object once, so whatever has a `toJSON` again is shown as it is.
  if (typeof plain === 'object' && plain !== null && !Array.isArray(plain)) {
    writeEntries(draft, plain, Object.entries(plain))
  } else {
    writeValue(draft, plain)
  }
}

function writeItems(draft: Draft, items: readonly unknown[], open: string, close: string): void {
  if (!enter(draft, items, open, close)) return
  for (let index = 0; index < items.length; index += 1) {
    if (draft.left <= 0) {
      draft.text += index === 0 ? '...' : ', ...'
      break
    }
    if (index > 0) write(draft, ', ')
    writeValue(draft, items[index])
  }
  leave(draft, close)
}

function writeEntries(draft: Draft, owner: object, entries: readonly (readonly [unknown, unknown])[]): void {
  if (!enter(draft, owner, '{', '}')) return
  let first = true
  for (const [key, value] of entries) {
    if (draft.left <= 0) {
      draft.text += first ? '...' : ', ...'
      break
    }
    if (!first) write(draft, ', ')
    first = false
    writeValue(draft, key)
    write(draft, ': ')
    writeValue(draft, value)
  }
  leave(draft, '}')
}

/** Open a container, or elide it where it lies too deep or in itself. */
function enter(draft: Draft, container: object, open: string, close: string): boolean {
  if (draft.path.length >= draft.maxDepth || draft.path.includes(container)) {
    write(draft, `${open}...${close}`)
    return false
  }
  draft.path.push(container)
  write(draft, open)
  return true
}

function leave(draft: Draft, close: string): void {
  draft.path.pop()
  write(draft, close)
}

/** Python's `repr` of an `int` or a `float`. */
function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value)
  if (Number.isNaN(value)) return 'nan'
  if (value === Infinity) return 'inf'
  if (value === -Infinity) return '-inf'
  // Python turns to exponents below 1e-4, and writes two digits of them.
  return Math.abs(value) >= 1e-4 ? String(value) : value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

function quoteShort(text: string, left: number): string {
  return text.length <= left ? quote(text) : quote(text.slice(0, Math.max(left, 0)), '...')
}

/** Python's `repr` of a `str`, with `ellipsis` before the closing quote. */
function quote(text: string, ellipsis: string = ''): string {
  if (isPlain(text)) return `'${text}${ellipsis}'`
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  return `${mark}${escapeText(text, mark)}${ellipsis}${mark}`
}

/** Needs no escapes: printable ASCII without quotes and backslashes. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code > 0x7e || code === 0x27 || code === 0x5c) return false
  }
  return true
}

/** All that Python does not count as printable (`str.isprintable`), and what would end the text. */
function escapeText(text: string, mark: string): string {
  return text.replace(/[\p{C}\p{Z}\\'"]/gu, (character) => {
    if (character === ' ') return character
    if (character === '"' || character === "'") return character === mark ? `\\${character}` : character
    if (character === '\\') return '\\\\'
    if (character === '\n') return '\\n'
    if (character === '\r') return '\\r'
    if (character === '\t') return '\\t'
    const code = character.codePointAt(0) ?? 0
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
  })
}

/** Bytes as Celery shows them: as text where they are UTF-8, else in hexadecimal. */
function bytesText(value: Uint8Array, left: number): string {
  const cut = value.length > left
  const bytes = cut ? value.subarray(0, Math.max(left, 0)) : value
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ellipsis = cut ? '...' : ''
  return isUtf8(buffer) ? `b${quote(buffer.toString('utf8'), ellipsis)}` : `b'${buffer.toString('hex')}${ellipsis}'`
}

/** Python's `repr` of a `Date`, as an aware `datetime`. */
function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'None' : datetimeText(date.toISOString())
}

/** Python's `repr` of one of the branded values: each has its Python text. */
function pythonText(value: object): string {
  const { [pythonBrand]: type, isoformat } = value as { [pythonBrand]?: unknown; isoformat?: () => string }
  // A datetime's own text is a JavaScript date's; the others have Python's.
  const text = isoformat === undefined ? (value as { toString(): string }).toString() : isoformat.call(value)
  if (type === 'datetime') return datetimeText(text)
  if (type === 'date') return `datetime.date(${numbersOf(text)})`
  if (type === 'time') return clockText('time', [], text)
  if (type === 'decimal') return `Decimal('${text}')`
  if (type === 'uuid') return `UUID('${text}')`
  return text
}

/** From `2026-01-02T03:04:05.678901+00:00`. */
function datetimeText(text: string): string {
  return clockText('datetime', [numbersOf(text.slice(0, 10))], text.slice(11))
}

/** The time of day and its offset, behind `before`: Python leaves out seconds and microseconds that are 0. */
function clockText(type: string, before: readonly string[], text: string): string {
  const [, hours = '0', minutes = '0', seconds = '0', fraction = '', offset = ''] =
    /^(\d+):(\d+)(?::(\d+))?(?:\.(\d+))?(.*)$/.exec(text) ?? []
  const micros = Number(fraction.slice(0, 6).padEnd(6, '0'))
  const parts = [...before, String(Number(hours)), String(Number(minutes))]
  if (Number(seconds) !== 0 || micros !== 0) parts.push(String(Number(seconds)))
  if (micros !== 0) parts.push(String(micros))
  if (offset !== '') parts.push(`tzinfo=${zoneText(offset)}`)
  return `datetime.${type}(${parts.join(', ')})`
}

function zoneText(offset: string): string {
  if (offset === 'Z' || /^[+-]00:?00$/.test(offset)) return 'datetime.timezone.utc'
  const [hours = 0, minutes = 0] = offset
    .slice(1)
    .split(':')
    .map((part) => Number(part))
  const seconds = (offset.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60)
  const parts = seconds < 0 ? `days=-1, seconds=${String(86_400 + seconds)}` : `seconds=${String(seconds)}`
  return `datetime.timezone(datetime.timedelta(${parts}))`
}

/** `2026-01-02` as `2026, 1, 2`. */
function numbersOf(text: string): string {
  return text
    .split('-')
    .map((part) => String(Number(part)))
    .join(', ')
}
