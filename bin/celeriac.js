#!/usr/bin/env node
// The command `celeriac`. All of it is in `src/cli/`.
import { main } from '../dist/cli/main.js'

const code = await main(process.argv.slice(2))
// What the app's modules keep open, such as a database, must not keep a command alive that is done.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
