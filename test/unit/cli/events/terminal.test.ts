import { expect, it } from 'vitest'
import { Terminal } from '../../../../src/cli/events/terminal.ts'
import { FakeTerminal } from '../../../support/fake-terminal.ts'
import { waitFor } from '../../../support/wait-for.ts'

function open() {
  const fake = new FakeTerminal()
  const keys: string[] = []
  const logged: string[] = []
  let resizes = 0
  const terminal = new Terminal(
    fake,
    (key) => keys.push(key),
    () => (resizes += 1),
  )
  terminal.open((line) => logged.push(line))
  return { fake, terminal, keys, logged, resizes: () => resizes }
}

it('takes the terminal, and gives it back once', () => {
  const { fake, terminal, logged } = open()
  expect([fake.raw, fake.screen.isAlternate]).toEqual([true, true])
  fake.stderr.write('a warning\n')
  expect([logged, fake.log]).toEqual([['a warning\n'], ''])
  terminal.close()
  terminal.close()
  expect([fake.raw, fake.screen.isAlternate, fake.log]).toEqual([false, false, 'a warning\n'])
  expect([fake.listenerCount('exit'), fake.stdout.listenerCount('resize')]).toEqual([0, 0])
  const before = fake.screen.written
  terminal.show(['x'])
  terminal.beep()
  expect(fake.screen.written).toBe(before)
})

it.each(['exit', 'uncaughtExceptionMonitor'])('gives it back at %s', (end) => {
  const { fake } = open()
  fake.emit(end)
  expect([fake.raw, fake.screen.isAlternate]).toEqual([false, false])
})

it('writes only the lines that have changed', () => {
  const { fake, terminal } = open()
  terminal.show(['one', 'two', 'three'])
  fake.screen.written = ''
  terminal.show(['one', 'TWO', 'three'])
  expect(fake.screen.text).toBe('one\nTWO\nthree')
  expect(fake.screen.written).not.toContain('one')
  terminal.show(['one'])
  expect(fake.screen.text.trim()).toBe('one')
  fake.screen.written = ''
  terminal.show(['one'])
  expect(fake.screen.written).toBe('')
})

it('writes all of them after the size has changed', () => {
  const { fake, terminal, resizes } = open()
  terminal.show(['one'])
  fake.resize(10, 5)
  expect([resizes(), terminal.size, fake.screen.text]).toEqual([1, { columns: 10, rows: 5 }, ''])
  terminal.show(['one'])
  expect(fake.screen.text).toBe('one')
  fake.resize(0, 0)
  expect(terminal.size).toEqual({ columns: 80, rows: 24 })
})

it('names keys', async () => {
  const { fake, keys } = open()
  fake.press('jJ\u001b[A\u001b[B\r\u007f\u0003/')
  await waitFor(() => keys.length === 8)
  expect(keys).toEqual(['j', 'J', 'up', 'down', 'return', 'backspace', 'ctrl+c', '/'])
})
