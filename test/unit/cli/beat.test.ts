import { expect, it } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

it('shows what there is to do', async () => {
  const { stderr } = await runCommandLine(['beat'])
  for (const command of ['list', 'add', 'change', 'pause', 'resume', 'remove', 'run']) {
    expect(stderr).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  }
})
