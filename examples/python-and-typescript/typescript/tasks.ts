/** The tasks that run in TypeScript. */
import { app } from './app.ts'

/** The length of each word of a text. */
export const lengths = app.task('words.lengths', (text: string, language: string = 'en') => {
  const words = [...new Intl.Segmenter(language, { granularity: 'word' }).segment(text)].filter(
    (part) => part.isWordLike,
  )
  if (words.length === 0) throw new RangeError('there is no word in this text')
  return words.map(({ segment }) => segment.length)
})
