/** A process with a terminal that a test holds in its hands. */
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { TerminalProcess } from '../../src/cli/events/terminal.ts'
import { Screen } from './pty.ts'

export class FakeTerminal extends EventEmitter implements TerminalProcess {
  readonly screen: Screen = new Screen()
  raw = false
  /** What reached standard error itself. */
  log = ''
  readonly stdin: PassThrough & { setRawMode(raw: boolean): void } = Object.assign(new PassThrough(), {
    setRawMode: (raw: boolean): void => {
      this.raw = raw
    },
  })
  readonly stdout: EventEmitter & { columns: number; rows: number; write(text: string): boolean } = Object.assign(
    new EventEmitter(),
    {
      columns: 100,
      rows: 12,
      write: (text: string): boolean => {
        this.screen.write(text)
        return true
      },
    },
  )
  readonly stderr: { isTTY: boolean; write(text: string): boolean } = {
    isTTY: true,
    write: (text: string): boolean => {
      this.log += text
      return true
    },
  }

  press(keys: string): void {
    this.stdin.write(keys)
  }

  resize(columns: number, rows: number): void {
    Object.assign(this.stdout, { columns, rows })
    this.stdout.emit('resize')
  }
}
