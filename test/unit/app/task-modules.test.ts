import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { TaskModules } from '../../../src/app/task-modules.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** A folder with modules that note when they are imported. */
function folderOf(...names: string[]): string {
  const folder = temporaryDirectory()
  for (const name of names) writeFileSync(join(folder, name), `(globalThis.taskModules ??= []).push("${name}")`)
  return folder
}

const imported = (): unknown => Reflect.get(globalThis, 'taskModules')

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'taskModules')
})

describe('TaskModules', () => {
  it('lie beside the app, or in the working directory where no file made it', () => {
    expect(new TaskModules('/proj/app.ts').resolve('./tasks.ts')).toBe('/proj/tasks.ts')
    expect(new TaskModules('/proj/app.ts').resolve('/other/tasks.ts')).toBe('/other/tasks.ts')
    expect(new TaskModules(undefined).resolve('tasks.ts')).toBe(join(process.cwd(), 'tasks.ts'))
  })

  it('come in the order of imports, include and globs, each once', async () => {
    const folder = folderOf('a.mjs', 'b.mjs', 'c.mjs', 'd.mjs')
    const modules = new TaskModules(join(folder, 'app.mjs'))
    modules.discover(['?.mjs'])
    const files = await modules.import({ imports: ['c.mjs'], include: ['./b.mjs', 'c.mjs'] })
    expect(imported()).toEqual(['c.mjs', 'b.mjs', 'a.mjs', 'd.mjs'])
    expect(files).toEqual(['c', 'b', 'a', 'd'].map((name) => join(folder, `${name}.mjs`)))
  })

  it('are no declarations, source maps or data', async () => {
    const folder = folderOf('a.mjs')
    for (const name of ['a.d.ts', 'a.d.mts', 'a.mjs.map', 'a.json']) writeFileSync(join(folder, name), '!')
    const modules = new TaskModules(join(folder, 'app.mjs'))
    modules.discover(['a*'])
    expect(await modules.import({ imports: [], include: [] })).toEqual([join(folder, 'a.mjs')])
  })

  it('say which one cannot be loaded', async () => {
    const folder = folderOf('tasks.mjs')
    const modules = new TaskModules(join(folder, 'app.mjs'))
    await expect(modules.import({ imports: [], include: ['taks.mjs'] })).rejects.toThrow('did you mean "tasks.mjs"')
  })
})
