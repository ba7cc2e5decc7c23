/** docs/settings.md says what the table of settings says. After a change of the table: `npm run docs:settings`. */
import { expect, it } from 'vitest'
import { settingsPage } from './support/settings-page.ts'

it('describes every setting as the table does', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../docs/settings.md')
})
