import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { findFiles } from '../../../src/app/find-files.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

it('finds files by glob, sorted, and leaves installed packages alone', () => {
  const folder = temporaryDirectory()
  const files = ['a/tasks.ts', 'a/b/tasks.ts', 'a/b/other.ts', 'node_modules/x/tasks.ts', 'tasks.js', 'a/tasks+1.ts']
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  const find = (glob: string): string[] => findFiles(glob, folder).map((file) => file.slice(folder.length + 1))
  expect(find('**/tasks.ts')).toEqual(['a/b/tasks.ts', 'a/tasks.ts'])
  expect(find('./a/*.ts')).toEqual(['a/tasks+1.ts', 'a/tasks.ts'])
  expect(find('a/tasks+?.ts')).toEqual(['a/tasks+1.ts'])
  expect(find('*.ts')).toEqual([])
  expect(find('a/b/other.ts')).toEqual(['a/b/other.ts'])
  expect(find('a/*')).toEqual(['a/tasks+1.ts', 'a/tasks.ts'])
  expect(find('*/b/**')).toEqual(['a/b/other.ts', 'a/b/tasks.ts'])
  expect(find('nowhere/*.ts')).toEqual([])
})
