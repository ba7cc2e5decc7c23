/** The interop suite: what must hold between TypeScript and Python on one broker. */
import { testCalls } from './calls.ts'
import { testControl } from './control.ts'
import { testErrors } from './errors.ts'
import { testFollowers } from './followers.ts'
import { testGroups } from './groups.ts'
import { testRpc } from './rpc.ts'
import { testSharedQueue } from './shared-queue.ts'
import type { Sides } from './side.ts'
import { testTimes } from './times.ts'
import type { TimesOptions } from './times.ts'
import { testValues } from './values.ts'

/** All of it. `sides` is asked when tests run. */
export function testInterop(sides: () => Sides, options: TimesOptions): void {
  testCalls(sides)
  testValues(sides)
  testErrors(sides)
  testTimes(sides, options)
  testFollowers(sides)
  testGroups(sides)
  testControl(sides)
  testRpc(sides)
  testSharedQueue(sides)
}
