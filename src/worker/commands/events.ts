/** Commands about events: which of them the worker sends, and a heartbeat at once, for monitors that have just come. */
import { TASK_GROUP } from '../../protocol/event.ts'
import type { Command } from './command.ts'

/** Until the next beat that is asked for, in seconds, as in Celery. */
const FREQUENCY = 5

/** Send events of tasks too. */
export const enableEvents: Command = {
  name: 'enable_events',
  kind: 'control',
  help: 'Send the events of tasks too.',
  run: ({ events }) => ({ ok: events.addGroup(TASK_GROUP) ? 'task events enabled' : 'task events already enabled' }),
}

/** Send none of them. As in Celery a worker that was started with `-E` names no groups, and goes on sending all. */
export const disableEvents: Command = {
  name: 'disable_events',
  kind: 'control',
  help: 'Send no events of tasks.',
  run: ({ events }) => ({
    ok: events.removeGroup(TASK_GROUP) ? 'task events disabled' : 'task events already disabled',
  }),
}

/** Answers with an event, not with a reply. */
export const heartbeat: Command = {
  name: 'heartbeat',
  kind: 'control',
  help: 'Send a heartbeat event now.',
  answers: false,
  run(target) {
    target.sendHeartbeat(FREQUENCY)
    return undefined
  },
}

/** All of them. */
export const eventCommands: readonly Command[] = [enableEvents, disableEvents, heartbeat]
