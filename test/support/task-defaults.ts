/** Settings behind task options, as they are without any settings. */
import { Config } from '../../src/app/config.ts'
import type { Settings, SettingsInput } from '../../src/app/settings.ts'

/** All settings with their defaults, and these changes. */
export function taskDefaults(changes: SettingsInput = {}): Settings {
  return new Config({ explicit: changes, env: {} }).values
}
