/** Drawings in the language of Graphviz become pictures, by a package that brings Graphviz along. */
import { importPeer } from '../driver/load.ts'

/** What is used of `@viz-js/viz`. */
interface VizModule {
  readonly instance: () => Promise<Viz>
}

interface Viz {
  renderString(dot: string, options: { readonly format: 'svg' }): string
}

/** The drawing as SVG. Rejects with `MissingDriver` where the package is not installed. */
export async function renderSvg(dot: string): Promise<string> {
  const { instance } = await importPeer<VizModule>('@viz-js/viz', 'A picture')
  const viz = await instance()
  return viz.renderString(dot, { format: 'svg' })
}
