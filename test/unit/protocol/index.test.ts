import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as protocol from '../../../src/protocol/index.ts'

const FOLDER = new URL('../../../src/protocol/', import.meta.url)

describe('celeriac/protocol', () => {
  it('gives out every function and name of its folder', () => {
    const exported = readdirSync(FOLDER)
      .filter((file) => file !== 'index.ts')
      .flatMap((file) => [
        ...readFileSync(new URL(file, FOLDER), 'utf8').matchAll(/^export (?:const|function) (\w+)/gm),
      ])
      .map(([, name]) => name)
    expect(Object.keys(protocol).toSorted()).toEqual(exported.toSorted())
  })
})
