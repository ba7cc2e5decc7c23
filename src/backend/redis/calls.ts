/** Divides much work into calls of a script that are not too large: the server does nothing else meanwhile. */

const MAX_CALL_BYTES = 4 * 1024 * 1024
const MAX_CALL_ITEMS = 500

/** `items` in their order, in calls; one that is larger than a call should be is a call of its own. */
export function divide<T>(items: readonly T[], sizeOf: (item: T) => number): T[][] {
  const calls: T[][] = []
  let bytes = Infinity
  for (const item of items) {
    const size = sizeOf(item)
    const call = calls.at(-1)
    if (call === undefined || call.length >= MAX_CALL_ITEMS || bytes + size > MAX_CALL_BYTES) {
      calls.push([item])
      bytes = size
    } else {
      call.push(item)
      bytes += size
    }
  }
  return calls
}
