/** What a bug report should tell of an app: versions, machine, broker, backend, settings. Secrets are masked. */
import { arch, cpus, release, type } from 'node:os'
import { maskPassword, schemeOf, splitUrls } from '../util/url.ts'
import type { App } from './app.ts'

/** The report as text. Reads the app's settings files, but connects to nothing. */
export async function bugReport(app: App, version: string): Promise<string> {
  const settings = await app.prepare()
  const brokers = splitUrls(settings.brokerUrl)
  const backend = settings.resultBackend ?? 'disabled'
  return [
    '',
    `software -> celeriac:${version} node:${process.version.slice(1)} v8:${process.versions.v8}`,
    `platform -> system:${type()} release:${release()} arch:${arch()} cores:${String(cpus().length)}`,
    `app      -> ${app.main} (${app.file ?? 'no file'})`,
    `settings -> transport:${brokers.map(schemeOf).join(';')} results:${maskPassword(backend)}`,
    '',
    app.conf.humanize(),
    '',
  ].join('\n')
}
