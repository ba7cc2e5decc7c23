/** Commands by which workers know each other: what they tell each other at the start, their clock, and elections. */
import { InvalidTaskError } from '../../errors.ts'
import { decodeRevoked, encodeRevoked } from '../../protocol/control.ts'
import type { Command } from './command.ts'

/** A worker that starts tells what it knows, and learns what it has missed. Answers null to one of the same name. */
export const hello: Command = {
  name: 'hello',
  kind: 'inspect',
  help: 'What workers tell each other at the start.',
  hidden: true,
  run({ app, facts, state }, { from_node: from, revoked }) {
    const { logger, logicalClock } = app
    if (from === facts.hostname) return null
    logger.info(`sync with ${String(from)}`)
    for (const id of decodeRevoked(revoked)) state.revoked.add(id)
    return { revoked: encodeRevoked(state.revoked.values()), clock: logicalClock.forward() }
  },
}

/** The logical clock. */
export const clock: Command = {
  name: 'clock',
  kind: 'inspect',
  help: 'The logical clock.',
  run: ({ app }) => ({ clock: app.logicalClock.time }),
}

/** Take part in an election. Answers nothing: the winner does what it is for. */
export const election: Command = {
  name: 'election',
  kind: 'control',
  args: [{ name: 'id' }, { name: 'topic' }, { name: 'action' }],
  help: 'Let workers elect one among them, who then does the action.',
  answers: false,
  run(target, { id, topic, action }) {
    if (typeof id !== 'string' || typeof topic !== 'string')
      throw new InvalidTaskError('election wants an id and a topic')
    target.election(id, topic, action)
    return undefined
  },
}

/** All of them. */
export const neighbourCommands: readonly Command[] = [hello, clock, election]
