import { describe, expect, it } from 'vitest'
import { callSite } from '../../../src/app/call-site.ts'

const OWN = '/app/node_modules/celeriac/dist'
const stack = (...frames: string[]): string =>
  ['Error: made here', ...frames.map((frame) => `    at ${frame}`)].join('\n')

describe('callSite', () => {
  it('is the first file outside of the package, however the frame is written', () => {
    const own = `new App (file://${OWN}/app/app.js:1:2)`
    expect(callSite(stack(own, 'file:///srv/proj/app.ts:3:4'), OWN)).toBe('/srv/proj/app.ts')
    expect(callSite(stack(own, 'Object.<anonymous> (/srv/proj/app.ts:3:4)'), OWN)).toBe('/srv/proj/app.ts')
    expect(callSite(stack(own, 'async file:///srv/with%20space/app.js:3:4'), OWN)).toBe('/srv/with space/app.js')
    expect(callSite(stack(own, 'new Celery (/srv/a (copy)/app.ts:1:1)'), OWN)).toBe('/srv/a (copy)/app.ts')
  })

  it('is not taken for the package where a folder is named alike', () => {
    const beside = `file://${OWN}-examples/app.ts:3:4`
    expect(callSite(stack(`new App (file://${OWN}/app/app.js:1:2)`, beside), OWN)).toBe(`${OWN}-examples/app.ts`)
  })

  it('is nothing where there is no file', () => {
    expect(
      callSite(stack(`new App (file://${OWN}/app/app.js:1:2)`, 'REPL1:1:1', 'node:vm:117:12'), OWN),
    ).toBeUndefined()
    expect(callSite(undefined, OWN)).toBeUndefined()
  })
})
