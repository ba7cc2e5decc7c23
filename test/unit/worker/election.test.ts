import { describe, expect, it } from 'vitest'
import type { Event } from '../../../src/protocol/event.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { Elections } from '../../../src/worker/election.ts'
import { nextTurn } from '../../../src/util/turn.ts'

/** Workers that hear all that each of them says, themselves included, in one order. */
function cluster(...nodes: [hostname: string, pid: number][]) {
  const waiting: Event[] = []
  const acted: string[] = []
  const log: string[] = []
  let clock = 0
  const all = nodes.map(([hostname, pid]) => {
    return new Elections({
      self: `${hostname}.${String(pid)}`,
      events: {
        send: (type, fields) =>
          void waiting.push({ type, hostname, pid, clock: (clock += 1), timestamp: 1, ...(fields as object) }),
      },
      voters: () => nodes.length,
      topics: {
        task: async (action) => {
          acted.push(`${hostname} ${String(action)}`)
          if (action === 'fail') throw new Error('failed')
        },
      },
      logger: createLogger({ level: 'INFO', write: ({ message }) => log.push(message) }),
    })
  })
  const talk = async (): Promise<void> => {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      for (const each of all) {
        if (event.type === 'worker-elect') each.elect(event)
        else each.acknowledge(event)
      }
    }
    await nextTurn()
  }
  return { all, waiting, acted, log, talk }
}

describe('Elections', () => {
  it('let one of all do it: the one that stood first', async () => {
    const { all, acted, log, talk } = cluster(['b@h', 1], ['a@h', 2], ['c@h', 3])
    for (const each of all) each.begin('e1', 'task', 'do it')
    await talk()
    expect(acted).toEqual(['b@h do it'])
    expect(log).toEqual(['I won the election e1', 'node b@h.1 elected for e1', 'node b@h.1 elected for e1'])
  })

  it('let the name decide between two that stood at the same time', async () => {
    const { all, waiting, acted, talk } = cluster(['b@h', 1], ['a@h', 2])
    for (const each of all) each.begin('e1', 'task', 'do it')
    for (const event of waiting) Object.assign(event, { clock: 7 })
    await talk()
    expect(acted).toEqual(['a@h do it'])
  })

  it('leave alone who was not asked, and may be held again', async () => {
    const { all, acted, talk } = cluster(['a@h', 1], ['b@h', 2])
    all[1]?.begin('e1', 'task', 'one')
    await talk()
    all[1]?.begin('e1', 'task', 'two')
    await talk()
    expect(acted).toEqual(['b@h one', 'b@h two'])
  })

  it('tell of what they cannot do', async () => {
    const { all, log, talk } = cluster(['a@h', 1])
    all[0]?.begin('e1', 'other', 'what')
    all[0]?.begin('e2', 'task', 'fail')
    all[0]?.elect({ type: 'worker-elect', hostname: 'x@h', timestamp: 1 })
    await talk()
    expect(log).toEqual([
      'An election of x@h is not understood: it says no id, topic or clock',
      'I won the election e1',
      'Unknown election topic "other"; there are task',
      'I won the election e2',
      'What the election e2 was for could not be done',
    ])
  })
})
