import { describe, expect, it } from 'vitest'
import {
  explainConnect,
  explainLoss,
  explainReply,
  isWrongServer,
  mayPass,
  replyCode,
} from '../../../../src/driver/redis/failure.ts'
import { ConnectionError, OperationalError } from '../../../../src/errors.ts'

const reply = (text: string): Error => explainReply(new Error(text), 'h:1')

describe('error replies', () => {
  it.each([
    ['LOADING Redis is loading the dataset in memory', /^Redis at h:1 is loading its data; try again.*\(LOADING Redis/],
    ['READONLY You can’t write against a read only replica.', /connect to the master/],
    ['MISCONF Redis is configured to save RDB snapshots', /cannot save to its disk/],
    ['OOM command not allowed', /raise its maxmemory/],
    ['NOAUTH Authentication required.', /write it into the URL/],
    ['NOPERM this user has no permissions', /ACL/],
    ['ERR unknown command', /refused a command \(ERR unknown command\)/],
  ])('say what to do: %s', (text, sentence) => {
    expect(reply(text)).toBeInstanceOf(OperationalError)
    expect(reply(text).message).toMatch(sentence)
    expect(replyCode(reply(text))).toBe(text.split(' ')[0])
  })

  it('tell which of them ask for another server, and which for patience', () => {
    const texts = ['READONLY x', 'LOADING x', 'OOM x', 'WRONGTYPE x']
    expect(texts.map((text) => isWrongServer(reply(text)))).toEqual([true, true, false, false])
    expect(texts.map((text) => mayPass(reply(text)))).toEqual([true, true, false, false])
    expect(mayPass(explainLoss(new Error('gone'), 'h:1'))).toBe(true)
  })
})

describe('a connection', () => {
  it('that is lost or cannot be had says why', () => {
    expect(explainLoss(new Error('Socket closed'), 'h:1').message).toBe(
      'The connection to Redis at h:1 is lost: Socket closed',
    )
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('other')])
    expect(explainConnect(refused, 'h:1')).toBeInstanceOf(ConnectionError)
    expect(explainConnect(refused, 'h:1').message).toBe('Redis at h:1 cannot be reached: connect ECONNREFUSED ::1:1')
    expect(explainConnect(new Error('WRONGPASS invalid'), 'h:1').message).toMatch(/does not know this user/)
    expect(replyCode(new Error('Socket closed unexpectedly'))).toBeUndefined()
    expect(replyCode('text')).toBeUndefined()
  })

  it('is explained once', () => {
    const loss = explainLoss(new Error('x'), 'h:1')
    expect(explainLoss(loss, 'h:2')).toBe(loss)
    const loading = reply('LOADING x') as OperationalError
    expect(explainConnect(loading, 'h:1')).toBe(loading)
  })
})
