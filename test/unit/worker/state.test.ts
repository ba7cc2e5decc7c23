import { expect, it } from 'vitest'
import { requests } from '../../support/requests.ts'

it('numbers, counts and finds requests', () => {
  const { parts, request } = requests()
  const { state } = parts
  const [a, b] = [request({}, { id: 'same' }).request, request({}, { id: 'same' }).request]
  state.reserved.set(a.key, a)
  state.active.set(b.key, b)
  const c = request({}, { id: 'held' }).request
  state.scheduled.set(c.key, c)
  expect(state.find('held')).toEqual([c])
  expect(a.key).not.toBe(b.key)
  expect(state.find('same')).toEqual([a, b])
  expect(state.find('other')).toEqual([])
  state.count('proj.add')
  state.count('proj.add')
  expect(state.totals.get('proj.add')).toBe(2)
})
