/**
 * Reads a pickle: a stack machine that knows every opcode of protocols 0 to 5 and makes plain data only. What a named
 * class or function makes is `pickle-globals.ts`.
 *
 * 1. The machine runs the opcodes. Dicts and instances are nodes, for they may change after they were referred to.
 * 2. `pickle-finisher.ts` puts plain values in the place of the nodes, and refuses what is nested too deep.
 */
import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { DecodeError } from '../errors.ts'
import { bufferOf, messageOf } from './body.ts'
import { finish } from './pickle-finisher.ts'
import { DictNode, findGlobal, isInstance, PickleGlobal, refuse } from './pickle-globals.ts'

/** Python refuses longer decimal text too, for reading it takes quadratic time. */
const MAX_INTEGER_DIGITS = 4300
const HIGHEST_PROTOCOL = 5

/** Read one pickle; what follows it is not looked at, as in Python. Throws `DecodeError` for anything but plain data. */
export function readPickle(bytes: Uint8Array): unknown {
  try {
    return finish(new Machine(bytes).run())
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(`The pickle is broken: ${messageOf(error)}`, { cause: error })
  }
}

class Machine {
  readonly #bytes: Buffer
  readonly #memo = new Map<number, unknown>()
  /** Where in the stack each open MARK is. */
  readonly #marks: number[] = []
  readonly #stack: unknown[] = []
  #at = 0
  /** How much more may be handed to calls: they copy, and a short pickle could have one long part copied many times. */
  #budget: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bufferOf(bytes)
    this.#budget = 1_000_000 + 16 * bytes.byteLength
  }

  run(): unknown {
    for (;;) {
      const code = this.takeByte()
      if (code === STOP) return this.pop()
      const read = VALUES.get(code)
      if (read === undefined) this.#act(code)
      else this.#stack.push(read(this))
    }
  }

  #act(code: number): void {
    const act = ACTIONS.get(code)
    if (act === undefined) throw new DecodeError(`The pickle has the unknown opcode 0x${code.toString(16)}`)
    act(this)
  }

  takeByte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DecodeError('The pickle ends too early')
    this.#at += 1
    return byte
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new DecodeError('The pickle ends too early')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  /** Bytes whose length stands before them as a number of `size` bytes. */
  takeSized(size: 1 | 4 | 8): Buffer {
    if (size === 1) return this.take(this.takeByte())
    const head = this.take(size)
    return this.take(size === 8 ? Number(head.readBigUInt64LE()) : head.readUInt32LE())
  }

  /** The text up to the next line break, as protocol 0 writes its arguments. */
  takeLine(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end === -1) throw new DecodeError('The pickle ends too early')
    const line = this.take(end - this.#at).toString('latin1')
    this.#at += 1
    return line
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new DecodeError('The pickle takes more than it put down')
    return this.#stack.pop()
  }

  /** The topmost `count` values, in the order in which they were pushed. */
  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse()
  }

  top(): unknown {
    const value = this.pop()
    this.#stack.push(value)
    return value
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
  }

  popToMark(): unknown[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw new DecodeError('The pickle has no mark where one is needed')
    return this.#stack.splice(mark)
  }

  /** POP also takes away a mark that lies on top. */
  drop(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop()
    else this.pop()
  }

  memoize(index: number = this.#memo.size): void {
    this.#memo.set(index, this.top())
  }

  recall(index: number): unknown {
    if (!this.#memo.has(index)) throw new DecodeError('The pickle refers to something that it has not read yet')
    return this.#memo.get(index)
  }

  /** What `callee` makes of `args`. */
  call(callee: unknown, args: unknown): unknown {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) {
      throw new DecodeError('The pickle calls something that is neither a class nor a function')
    }
    this.#budget -= 1 + sizeOf(args) + args.reduce((sum: number, arg) => sum + sizeOf(arg), 0)
    if (this.#budget < 0) throw new DecodeError('The pickle makes far more data than it has bytes')
    return callee.make(args)
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value instanceof DictNode) return value.entries.size
  return value instanceof Set ? value.size : 0
}

const STOP = code('.')

type Handler<T> = (machine: Machine) => T

/** Opcodes that push what they answer, in the order of the protocols that brought them. */
const VALUES: ReadonlyMap<number, Handler<unknown>> = new Map<number, Handler<unknown>>([
  // Protocol 0: everything is text.
  [code('2'), (m) => m.top()],
  [code('F'), (m) => readFloat(m.takeLine())],
  [code('I'), (m) => readInt(m.takeLine())],
  [code('L'), (m) => readInteger(m.takeLine().replace(/L$/, ''))],
  [code('N'), () => null],
  [code('S'), (m) => readQuoted(m.takeLine())],
  [code('V'), (m) => readEscaped(m.takeLine())],
  [code('c'), (m) => lookUp(m.takeLine(), m.takeLine())],
  [code('d'), (m) => new DictNode(pairsOf(m.popToMark()))],
  [code('l'), (m) => m.popToMark()],
  [code('t'), (m) => m.popToMark()],
  [code('i'), (m) => m.call(lookUp(m.takeLine(), m.takeLine()), m.popToMark())],
  [code('g'), (m) => m.recall(Number(m.takeLine()))],
  [code('R'), (m) => call(m)],
  [code('P'), () => refuse('a persistent id')],
  // Protocol 1: bytes.
  [code('J'), (m) => m.take(4).readInt32LE()],
  [code('K'), (m) => m.takeByte()],
  [code('M'), (m) => m.take(2).readUInt16LE()],
  [code('G'), (m) => m.take(8).readDoubleBE()],
  [code('T'), (m) => readAscii(m.takeSized(4))],
  [code('U'), (m) => readAscii(m.takeSized(1))],
  [code('X'), (m) => readUtf8(m.takeSized(4))],
  [code(']'), () => []],
  [code(')'), () => []],
  [code('}'), () => new DictNode()],
  [code('h'), (m) => m.recall(m.takeByte())],
  [code('j'), (m) => m.recall(m.take(4).readUInt32LE())],
  [code('o'), (m) => makeObject(m)],
  [code('Q'), () => refuse('a persistent id')],
  // Protocol 2.
  [0x81, (m) => call(m)],
  [0x82, () => refuse('an extension code')],
  [0x83, () => refuse('an extension code')],
  [0x84, () => refuse('an extension code')],
  [0x85, (m) => m.popMany(1)],
  [0x86, (m) => m.popMany(2)],
  [0x87, (m) => m.popMany(3)],
  [0x88, () => true],
  [0x89, () => false],
  [0x8a, (m) => readLong(m.takeSized(1))],
  [0x8b, (m) => readLong(m.takeSized(4))],
  // Protocol 3. Bytes are copied: they must not keep the whole message alive, nor change with it.
  [code('B'), (m) => Buffer.from(m.takeSized(4))],
  [code('C'), (m) => Buffer.from(m.takeSized(1))],
  // Protocol 4.
  [0x8c, (m) => readUtf8(m.takeSized(1))],
  [0x8d, (m) => readUtf8(m.takeSized(8))],
  [0x8e, (m) => Buffer.from(m.takeSized(8))],
  [0x8f, () => new Set()],
  [0x91, (m) => new Set(m.popToMark())],
  [0x92, (m) => callWithKeywords(m)],
  [0x93, (m) => lookUp(...(m.popMany(2) as [unknown, unknown]))],
  // Protocol 5.
  [0x96, (m) => Buffer.from(m.takeSized(8))],
  [0x97, () => refuse('a buffer that travels outside of it')],
  [0x98, () => refuse('a buffer that travels outside of it')],
])

/** Opcodes that change what is there. */
const ACTIONS: ReadonlyMap<number, Handler<void>> = new Map<number, Handler<void>>([
  [code('('), mark],
  [code('0'), drop],
  [code('1'), dropToMark],
  [code('a'), appendOne],
  [code('b'), build],
  [code('p'), memoizeAsText],
  [code('s'), setOne],
  [code('e'), appendMany],
  [code('u'), setMany],
  [code('q'), memoizeAsByte],
  [code('r'), memoizeAsLong],
  [0x80, checkProtocol],
  [0x90, addItems],
  [0x94, memoizeNext],
  [0x95, skipFrame],
])

function code(letter: string): number {
  return letter.charCodeAt(0)
}

function mark(machine: Machine): void {
  machine.mark()
}

function drop(machine: Machine): void {
  machine.drop()
}

function dropToMark(machine: Machine): void {
  machine.popToMark()
}

function memoizeAsText(machine: Machine): void {
  machine.memoize(Number(machine.takeLine()))
}

function memoizeAsByte(machine: Machine): void {
  machine.memoize(machine.takeByte())
}

function memoizeAsLong(machine: Machine): void {
  machine.memoize(machine.take(4).readUInt32LE())
}

function memoizeNext(machine: Machine): void {
  machine.memoize()
}

/** A frame says how many bytes may be read at once. All of them are here already. */
function skipFrame(machine: Machine): void {
  machine.take(8)
}

function appendOne(machine: Machine): void {
  append(machine, machine.popMany(1))
}

function appendMany(machine: Machine): void {
  append(machine, machine.popToMark())
}

function setOne(machine: Machine): void {
  setItems(machine, machine.popMany(2))
}

function setMany(machine: Machine): void {
  setItems(machine, machine.popToMark())
}

function checkProtocol(machine: Machine): void {
  const version = machine.takeByte()
  if (version > HIGHEST_PROTOCOL) throw new DecodeError(`The pickle protocol ${String(version)} is not known`)
}

function lookUp(module: unknown, name: unknown): PickleGlobal {
  if (typeof module !== 'string' || typeof name !== 'string') throw new DecodeError('The pickle has a broken name')
  const path = `${module}.${name}`
  return (
    findGlobal(module, name) ?? refuse(`${JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path)} in it`)
  )
}

function append(machine: Machine, items: readonly unknown[]): void {
  const list = machine.top()
  if (!Array.isArray(list)) throw new DecodeError('The pickle appends to something that is no list')
  for (const item of items) list.push(item)
}

function setItems(machine: Machine, items: readonly unknown[]): void {
  const dict = machine.top()
  if (!(dict instanceof DictNode)) throw new DecodeError('The pickle sets a key of something that is no dict')
  for (const [key, value] of pairsOf(items)) dict.entries.set(key, value)
}

function addItems(machine: Machine): void {
  const items = machine.popToMark()
  const set = machine.top()
  if (!(set instanceof Set)) throw new DecodeError('The pickle adds to something that is no set')
  for (const item of items) set.add(item)
}

function pairsOf(items: readonly unknown[]): [unknown, unknown][] {
  if (items.length % 2 !== 0) throw new DecodeError('The pickle has a key without a value')
  const pairs: [unknown, unknown][] = []
  for (let index = 0; index < items.length; index += 2) pairs.push([items[index], items[index + 1]])
  return pairs
}

function call(machine: Machine): unknown {
  const args = machine.pop()
  return machine.call(machine.pop(), args)
}

function callWithKeywords(machine: Machine): unknown {
  const keywords = machine.pop()
  if (!(keywords instanceof DictNode) || keywords.entries.size > 0) refuse('a call with keywords')
  return call(machine)
}

function makeObject(machine: Machine): unknown {
  const [callee, ...args] = machine.popToMark()
  return machine.call(callee, args)
}

function build(machine: Machine): void {
  const state = machine.pop()
  const instance = machine.top()
  if (!isInstance(instance)) throw new DecodeError('The pickle gives a state to something that has none')
  instance.build(state)
}

function readInt(line: string): unknown {
  // How protocols 0 and 1 write booleans.
  if (line === '00') return false
  return line === '01' ? true : readInteger(line)
}

function readInteger(digits: string): number | bigint {
  if (!/^[+-]?\d+$/.test(digits)) throw new DecodeError('The pickle has a broken whole number')
  if (digits.length > MAX_INTEGER_DIGITS) throw new DecodeError('The pickle has a whole number that is too long')
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : BigInt(digits)
}

/** Little-endian two's complement of any length. */
function readLong(bytes: Buffer): number | bigint {
  if (bytes.length <= 6) return bytes.length === 0 ? 0 : bytes.readIntLE(0, bytes.length)
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`))
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function readFloat(line: string): number {
  if (/^[+-]?(?:nan|inf)$/.test(line)) return line.endsWith('nan') ? NaN : line.startsWith('-') ? -Infinity : Infinity
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(line)) throw new DecodeError('The pickle has a broken float')
  return Number(line)
}

/** Text of Python 2. What is not ASCII could be in any encoding; Python 3 refuses it too. */
function readAscii(bytes: Buffer): string {
  if (!isAscii(bytes)) throw new DecodeError('The pickle has text of Python 2 that is not ASCII')
  return bytes.toString('latin1')
}

function readUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new DecodeError('The pickle has text that is not valid UTF-8')
  return bytes.toString()
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' }

/** Text of Python 2 as its `repr`. */
function readQuoted(line: string): string {
  const quote = line[0]
  const closed = line.length >= 2 && line.endsWith(quote ?? '') && (quote === "'" || quote === '"')
  if (!closed) throw new DecodeError('The pickle has a text without quotes')
  const text = line
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/g, (_, hex?: string, octal?: string, other?: string) => {
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16))
      return octal === undefined ? (ESCAPES[other ?? ''] ?? other ?? '') : String.fromCharCode(parseInt(octal, 8))
    })
  return readAscii(Buffer.from(text, 'latin1'))
}

/** Python's raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`. */
function readEscaped(line: string): string {
  return line.replaceAll(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) =>
    String.fromCodePoint(parseInt(short ?? long ?? '', 16)),
  )
}
