/**
 * Programs of the bench are TypeScript, and jiti's command runs them. (Its module hooks, `--import jiti/register`, break
 * packages such as Redis' client, which are CommonJS and import something later on.)
 */
import { join } from 'node:path'

/** What `node` is given in front of a TypeScript file. */
export const JITI: string = join(import.meta.dirname, '../../node_modules/.bin/jiti')
