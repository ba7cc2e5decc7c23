#!/usr/bin/env node
// The command `celeriac`. All of it is in `src/cli/`.
import { main } from '../dist/cli/main.js'

// A full disk or a closed pipe must not end a worker: what cannot be printed is left out.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
process.stdout.on('error', (error) => {
  // Who reads has seen enough, as in `| head`. A command that listens to signals has work in hand, and goes on.
  if (error.code === 'EPIPE' && process.listenerCount('SIGTERM') === 0) process.exit(0)
})

const code = await main(process.argv.slice(2))
// What the app's modules keep open, such as a database, must not keep a command alive that is done.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
