import { describe, expect, it } from 'vitest'
import { drawScreen, listLength } from '../../../../src/cli/events/screen.ts'
import type { View } from '../../../../src/cli/events/screen.ts'
import { State } from '../../../../src/events/state.ts'
import { makeEvent } from '../../../support/events.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const SIZE = { columns: 100, rows: 12 }
const plain = (_style: unknown, text: string): string => text
const marked = (style: unknown, text: string): string => `<${String(style)}>${text}</>`

function view(changes: Partial<View> = {}): View {
  const state = new State({ clock: fakeClock(1000) })
  return { state, selected: undefined, popup: undefined, prompt: undefined, title: 'title', notice: '', ...changes }
}

function tell(state: State, type: string, uuid: string, fields: Record<string, unknown> = {}, clock = 1): void {
  state.event({ ...makeEvent(type, { uuid, ...fields }, { clock, timestamp: 3661 }), local_received: 1 })
}

describe('the list', () => {
  it('is empty at first', () => {
    const lines = drawScreen(view(), SIZE, plain).map((line) => line.trimEnd())
    expect(lines).toEqual([
      'title',
      expect.stringMatching(/^UUID {33}WORKER +TASK +TIME {5}STATE$/),
      ...['', '', '', '', ''],
      '─'.repeat(100),
      'No task selected',
      'No workers discovered.',
      'Info: events: 0 tasks: 0 workers: 0/0',
      'Keys: j:down k:up i:info t:traceback r:result c:revoke l:rate limit q:quit',
    ])
  })

  it('has a line for each task, the latest first, with its state in colour', () => {
    const { state } = view()
    tell(state, 'task-received', 'a', { name: 'proj.add', args: '(1,)' }, 1)
    tell(state, 'task-failed', 'b', {}, 2)
    tell(state, 'task-sent', 'c', { name: 'proj.mul' }, 3)
    const lines = drawScreen(view({ state, selected: 'b', notice: 'news' }), SIZE, marked)
    expect(lines[0]).toBe('<blue>title</>  <yellow>news</>')
    expect(lines[2]).toMatch(/^c +\*NONE\* +proj\.mul +01:01:01 PENDING $/)
    expect(lines[3]).toMatch(/^<inverse>b +a@h +01:01:01 <\/><inverse,red>FAILURE <\/>$/)
    expect(lines[4]).toMatch(/^a +a@h +proj\.add +01:01:01 RECEIVED$/)
    expect(lines[8]).toBe('<bold>Selected: </>Missing extended info')
    expect(lines[9]).toBe('<bold>Workers online: </>a@h')
    expect(lines[10]).toBe('<bold>Info: </>events: 3 tasks: 1 workers: 1/1')
    const selected = drawScreen(view({ state, selected: 'a', prompt: 'Rate: 1_' }), SIZE, plain)
    expect([selected[8], selected[11]]).toEqual(['Selected: args=(1,)', 'Rate: 1_'])
  })

  it('fits every size, and lets nothing command the terminal', () => {
    const { state } = view()
    tell(state, 'task-received', 'id\u001b[2J', { name: 'proj.tasks.long.name.\n', args: `'${'x'.repeat(500)}'` })
    for (let columns = 1; columns < 130; columns += 3) {
      for (const rows of [1, 3, 8, 40]) {
        const lines = drawScreen(view({ state, selected: 'id\u001b[2J', notice: 'n\u0007' }), { columns, rows }, plain)
        expect(lines.length).toBe(rows)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
        // eslint-disable-next-line no-control-regex -- they must not be there
        expect(lines.join('')).not.toMatch(/[\u0000-\u001f]/)
      }
    }
    expect([listLength({ columns: 80, rows: 24 }), listLength({ columns: 80, rows: 2 })]).toEqual([17, 1])
  })
})

describe('a popup', () => {
  it('covers the list; long text is broken or stands below its label', () => {
    const popup = {
      title: 'Details',
      lines: [{ label: 'args', text: '(1, 2)' }, { label: 'result', text: 'one two three four' }, { text: 'a\nb' }],
    }
    expect(drawScreen(view({ popup }), { columns: 20, rows: 12 }, plain)).toEqual([
      '',
      '   Details',
      '',
      '   args: (1, 2)',
      '   result: ',
      '       one two',
      '       three four',
      '   a',
      '   b',
      '',
      '',
      'Press any key to ...',
    ])
  })

  it('ends with dots where it does not fit', () => {
    const popup = { title: 'T', lines: [{ text: 'a\nb\nc\nd', style: 'red' as const }] }
    expect(drawScreen(view({ popup }), { columns: 20, rows: 7 }, marked).slice(3, 6)).toEqual([
      '   <red>a</>',
      '   <red>b</>',
      '   [...]',
    ])
  })
})
