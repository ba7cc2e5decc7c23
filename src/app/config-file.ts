/** The settings file that an app was told of: read when the settings are first needed, for that takes time. */
import { loadConfigFile, readObject } from './config-source.ts'
import type { ReadOptions } from './config-source.ts'
import type { Config } from './config.ts'
import { importModule } from './loader.ts'

interface Named {
  readonly file: string
  readonly options: ReadOptions
}

/** The file that is to be read, if there is one. */
export class ConfigFile {
  readonly #config: Config
  #named: Named | undefined
  #reading: Promise<void> | undefined

  constructor(config: Config) {
    this.#config = config
  }

  /** Read this file next, and no other that was named before. */
  name(file: string, options: ReadOptions): void {
    this.#named = { file, options }
  }

  /** Other settings took its place. */
  forget(): void {
    this.#named = undefined
  }

  /**
   * Read what was named and not read yet; all who ask meanwhile wait. Rejects with `ImproperlyConfigured`, and again the
   * next time: nobody goes on without settings that were asked for.
   */
  async read(): Promise<void> {
    if (this.#named === undefined) return
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  async #read(): Promise<void> {
    for (let named = this.#named; named !== undefined; named = this.#named) {
      const settings = readObject(await loadConfigFile(named.file, importModule), named.options)
      if (this.#named !== named) continue
      this.#config.setSource(settings)
      this.#named = undefined
    }
  }
}
