/**
 * A process that does nothing but revoke tasks and write its state file, for tests that kill it. Its argument is the file.
 * It says each id once it is on the disk.
 */
import { StateFile } from '../../src/worker/statedb.ts'
import { commandTarget } from './command-target.ts'

const { worker } = commandTarget()
const write = await new StateFile(process.argv[2] ?? '').start(worker)
for (let count = 1; ; count += 1) {
  worker.state.revoked.add(String(count))
  worker.app.logicalClock.adjust(count)
  // The end of a worker's life writes the file, any number of times.
  await write()
  process.send?.(count)
}
