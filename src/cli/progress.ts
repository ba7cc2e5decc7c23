/** A bar that shows a person at the terminal how far something has come; nothing where there is nobody to see it. */
import { Presets, SingleBar } from 'cli-progress'
import type { TextStream } from './output.ts'

/** What the bar shows. */
export interface Progress {
  /** So many are done, of so many; the total may grow. */
  update(done: number, total: number): void
  /** Leave the bar as it is, with the cursor below it. */
  stop(): void
}

/** A bar on this stream, behind these words. */
export function createProgress(stream: TextStream, label: string): Progress {
  if (stream.isTTY !== true) return { update: () => undefined, stop: () => undefined }
  const format = `${label} {bar} {value}/{total}, {duration_formatted}`
  // Who hands in a stream that is a terminal hands in one of Node's.
  const bar = new SingleBar(
    { format, stream: stream as unknown as NodeJS.WritableStream, hideCursor: true },
    Presets.shades_classic,
  )
  bar.start(0, 0)
  return {
    update: (done, total) => {
      bar.setTotal(Math.max(done, total))
      bar.update(done)
    },
    stop: () => {
      bar.stop()
    },
  }
}
