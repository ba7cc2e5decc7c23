/** What workers answer to remote control, for people: a line a node, and its answer below. */
import { isRecord } from '../util/record.ts'
import type { Output } from './output.ts'

/** Said, with `EXIT_UNAVAILABLE`, where nobody answers. */
export const NOBODY = 'No nodes replied within time constraint.'

const INDENT = '    '

/** Print what one node has answered; without `body` only whether it could. */
export function printReply(output: Output, node: string, answer: unknown, body: boolean = true): void {
  const status = isError(answer) ? output.style(['bold', 'red'], 'ERROR') : output.style(['bold', 'green'], 'OK')
  output.line(`->  ${output.style(['bold', 'cyan'], `${node}:`)} ${status}`)
  if (!body) return
  for (const line of describeAnswer(answer).split('\n')) output.line(line === '' ? '' : INDENT + line)
}

/** Could the command not be done? */
export function isError(answer: unknown): boolean {
  return isRecord(answer) && 'error' in answer && Object.keys(answer).length === 1
}

/** Lists as one item a line, the answers of commands as their text, all else as JSON. */
export function describeAnswer(answer: unknown): string {
  if (typeof answer === 'string') return answer.trimEnd()
  if (Array.isArray(answer)) return answer.length === 0 ? '- empty -' : answer.map(describeItem).join('\n')
  if (!isRecord(answer)) return JSON.stringify(answer)
  const [only, ...others] = Object.keys(answer)
  if (others.length === 0 && (only === 'ok' || only === 'error')) return describeAnswer(answer[only])
  return JSON.stringify(answer, undefined, 2)
}

function describeItem(item: unknown): string {
  return `* ${typeof item === 'string' ? item : JSON.stringify(item)}`
}
