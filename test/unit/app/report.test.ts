import { expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { bugReport, formatReport } from '../../../src/app/report.ts'

it('tells versions, machine, broker, backend and settings, and no secrets', async () => {
  const app = new App('proj', {
    broker: ['redis://me:hush@h/1', 'memory://'],
    backend: 'redis://me:hush@h/2',
    taskAcksLate: true,
    securityKeyPassword: 'hush',
  })
  const report = await bugReport(app, '1.2.3', ['@redis/client', 'celeriac-no-such-package'])
  const text = formatReport(report, app.conf.humanize())
  expect(text).toContain(`celeriac:1.2.3 node:${process.version.slice(1)}`)
  expect(text).toMatch(/platform -> system:\w+ release:\S+ arch:\w+ cores:\d+/)
  expect(text).toContain(`app      -> proj (${import.meta.filename})`)
  expect(text).toMatch(/packages -> @redis\/client:\d+\.\d+\S* celeriac-no-such-package:none\n/)
  expect(text).toContain('transport:redis;memory results:redis://me:**@h/2')
  expect(text).toContain('task_acks_late: true')
  expect(text).not.toContain('hush')
  expect(text).not.toContain('task_serializer')
  expect(report).toMatchObject({ app: { main: 'proj' }, settings: { task_acks_late: true } })
  expect(JSON.stringify(report)).not.toContain('hush')
})

it('says so where there is no backend', async () => {
  expect(await bugReport(new App('proj', { broker: 'memory://' }), '1')).toMatchObject({ results: 'disabled' })
})
