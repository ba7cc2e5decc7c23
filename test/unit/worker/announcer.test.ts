import { describe, expect, it } from 'vitest'
import { Signals } from '../../../src/signals.ts'
import type { Outcome } from '../../../src/task/outcome.ts'
import { createLogger } from '../../../src/util/logger.ts'
import type { LogLevel } from '../../../src/util/logger.ts'
import { Announcer } from '../../../src/worker/announcer.ts'
import { requests } from '../../support/requests.ts'

const FAILURE = { excType: 'E', excMessage: [], excModule: 'm', repr: "E('x')", traceback: 'tb' }
const ENDS: readonly (readonly [Outcome, logged: string])[] = [
  [{ kind: 'success', runtimeMs: 1500, resultRepr: '7' }, 'INFO Task proj.add[id-1] succeeded in 1.500000s: 7'],
  [{ kind: 'retry', runtimeMs: 1, failure: FAILURE, message: 'soon' }, 'INFO Task proj.add[id-1] retry: soon'],
  [{ kind: 'ignored', runtimeMs: 1 }, 'INFO Task proj.add[id-1] ignored'],
  [{ kind: 'rejected', runtimeMs: 1, requeue: false, reason: 'no' }, 'INFO Task proj.add[id-1] rejected: no'],
  [
    { kind: 'failure', runtimeMs: 1, failure: FAILURE, expected: true },
    "INFO Task proj.add[id-1] raised expected: E('x')",
  ],
  [
    { kind: 'failure', runtimeMs: 1, failure: FAILURE, expected: false },
    "ERROR Task proj.add[id-1] raised unexpected: E('x')\ntb",
  ],
]

function place(
  sendsTasks: boolean,
  level: LogLevel = 'INFO',
): { announcer: Announcer; said: unknown[]; signals: Signals } {
  const said: unknown[] = []
  const logger = createLogger({ level, write: (record) => said.push(`${record.level} ${record.message}`) })
  const signals = new Signals(logger)
  const events = { sendsTasks, sendTask: (type: string, fields: unknown) => void said.push([type, fields]) }
  return { announcer: new Announcer({ events, signals, logger }), said, signals }
}

describe('Announcer', () => {
  it.each(ENDS)('logs as Celery does: %o', (outcome, logged) => {
    const { announcer, said } = place(false)
    announcer.log(requests().request().request, outcome)
    expect(said).toEqual([logged])
  })

  it('sends nothing of tasks whose events nobody wants', async () => {
    const { announcer, said } = place(true, 'ERROR')
    const { request } = requests().request({ sendEvents: false })
    announcer.received(request)
    announcer.started(request)
    announcer.ended(request, { kind: 'success', runtimeMs: 1, resultRepr: '7' })
    await announcer.rejected(request, true, 'no')
    expect(said).toEqual([])
  })

  it('tells of a failure that the task did not throw by event and signal', async () => {
    const { announcer, said, signals } = place(true)
    signals.on('task-failure', ({ taskId, exception }) => void said.push([taskId, (exception as Error).message]))
    await announcer.failed(requests().request().request, new Error('gone'), FAILURE)
    expect(said).toEqual([
      ['task-failed', { uuid: 'id-1', exception: "E('x')", traceback: 'tb' }],
      ['id-1', 'gone'],
    ])
  })
})
