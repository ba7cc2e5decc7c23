/**
 * JSON as Python writes it and `JSON.parse` cannot read it without loss: whole numbers beyond 2^53 become `bigint`, and
 * `NaN`, `Infinity` and `-Infinity` are numbers. Several times slower than `JSON.parse`; `json.ts` knows when it is needed.
 */
import { DecodeError } from '../errors.ts'
import { setField } from '../util/record.ts'
import { MAX_DEPTH } from './plain.ts'

/** Python refuses longer ones too, for reading them takes quadratic time. */
const MAX_INTEGER_DIGITS = 4300

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const LITERAL = /true|false|null|NaN|-?Infinity/y
/** No alternatives inside a repetition: text of any length must not exhaust the regular expression's stack. */
const STRING_PART = /[^"\\]*/y

const LITERALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** Read one JSON text. Throws `DecodeError` for anything else, and beyond 1000 levels of nesting. */
export function parsePythonJson(text: string): unknown {
  return new Parser(text).parse()
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): unknown {
    const value = this.#value()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  /** Few calls a level, for the stack must hold all levels. */
  #value(): unknown {
    this.#skipSpace()
    const first = this.#text[this.#at]
    if (first === '"') return this.#string()
    if (first !== '[' && first !== '{') return this.#scalar()
    this.#depth += 1
    if (this.#depth > MAX_DEPTH)
      throw new DecodeError(`The JSON text is nested deeper than ${String(MAX_DEPTH)} levels`)
    this.#at += 1
    const value = first === '[' ? this.#list() : this.#object()
    this.#depth -= 1
    return value
  }

  #list(): unknown[] {
    const list: unknown[] = []
    if (this.#take(']')) return list
    do list.push(this.#value())
    while (this.#take(','))
    this.#expect(']')
    return list
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    if (this.#take('}')) return object
    do {
      this.#skipSpace()
      const key = this.#string()
      this.#expect(':')
      setField(object, key, this.#value())
    } while (this.#take(','))
    this.#expect('}')
    return object
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#unexpected()
    this.#at += 1
    this.#match(STRING_PART)
    while (this.#text[this.#at] === '\\') {
      this.#at += 2
      this.#match(STRING_PART)
    }
    this.#at += 1
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch (error) {
      throw new DecodeError(`The JSON text has a broken string at position ${String(start)}`, { cause: error })
    }
  }

  #scalar(): unknown {
    const literal = this.#match(LITERAL)
    if (literal !== undefined) return LITERALS.get(literal[0])
    const number = this.#match(NUMBER)
    if (number === undefined) throw this.#unexpected()
    const value = Number(number[0])
    if (number[1] !== undefined || number[2] !== undefined || Number.isSafeInteger(value)) return value
    if (number[0].length > MAX_INTEGER_DIGITS) {
      throw new DecodeError(`The JSON text has a whole number of more than ${String(MAX_INTEGER_DIGITS)} digits`)
    }
    return BigInt(number[0])
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  #skipSpace(): void {
    this.#match(SPACE)
  }

  #take(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.#unexpected()
  }

  #unexpected(): DecodeError {
    const found = this.#text[this.#at]
    const what = found === undefined ? 'ends too early' : `has an unexpected ${JSON.stringify(found)}`
    return new DecodeError(`The JSON text ${what} at position ${String(this.#at)}`)
  }
}
