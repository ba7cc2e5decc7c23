import { describe, expect, it } from 'vitest'
import { count, Output } from '../../../src/cli/output.ts'

class Recorder {
  text = ''
  readonly isTTY: boolean
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

function make({ terminal = true, color = false, quiet = false }) {
  const stdout = new Recorder(terminal)
  const stderr = new Recorder(terminal)
  return { stdout, stderr, output: new Output({ stdout, stderr, color, quiet }) }
}

describe('Output', () => {
  it('aligns columns under a header on a terminal', () => {
    const { output, stdout } = make({})
    output.table(
      ['Queue', 'Key'],
      [
        ['celery', 'a'],
        ['x', 'bb'],
      ],
    )
    expect(stdout.text).toBe('Queue   Key\ncelery  a\nx       bb\n')
  })

  it('puts tabs between columns elsewhere, and no header', () => {
    const { output, stdout } = make({ terminal: false })
    output.table(
      ['Queue', 'Key'],
      [
        ['celery', 'a'],
        ['x', 'bb'],
      ],
    )
    expect(stdout.text).toBe('celery\ta\nx\tbb\n')
  })

  it('prints JSON on one line for programs, on several for people', () => {
    const program = make({ terminal: false })
    program.output.json({ a: [1] })
    expect(program.stdout.text).toBe('{"a":[1]}\n')
    const person = make({})
    person.output.json({ a: 1 })
    expect(person.stdout.text).toBe('{\n  "a": 1\n}\n')
  })

  it('prints texts as they are and values as JavaScript writes them', () => {
    const { output, stdout } = make({})
    for (const value of ['a b', 4, null, { a: { b: { c: { d: 1 } } } }]) output.value(value)
    expect(stdout.text).toBe('a b\n4\nnull\n{\n  a: { b: { c: { d: 1 } } }\n}\n')
  })

  it('colours on terminals only, and not when told not to', () => {
    const red = '\u001b[31mx\u001b[39m'
    expect(make({ color: true }).output.style('red', 'x')).toBe(red)
    expect(make({ color: true, terminal: false }).output.style('red', 'x')).toBe('x')
    expect(make({ color: false }).output.style('red', 'x')).toBe('x')
  })

  it('keeps errors and notes off standard output; quiet leaves out notes and banners', () => {
    const loud = make({})
    loud.output.error('bad')
    loud.output.note('hint')
    loud.output.banner('hello\n')
    expect([loud.stderr.text, loud.stdout.text]).toEqual(['Error: bad\nhint\n', 'hello\n'])
    const quiet = make({ quiet: true })
    quiet.output.error('bad')
    quiet.output.note('hint')
    quiet.output.banner('hello\n')
    quiet.output.line('result')
    expect([quiet.stderr.text, quiet.stdout.text]).toEqual(['Error: bad\n', 'result\n'])
  })
})

describe('count', () => {
  it.each([
    [0, '0 messages'],
    [1, '1 message'],
    [2, '2 messages'],
  ])('%i', (number, text) => {
    expect(count(number, 'message')).toBe(text)
  })
})
