/** Storing one document, for those who wait for just that. Whoever stores many asks the backend itself. */
import type { ResultAddress } from '../protocol/reply.ts'
import type { EncodedResult, ResultBackend } from './backend.ts'

/** See `ResultBackend.storeResult`, but rejects with what keeps the document from being stored. */
export async function storeResult(
  backend: Pick<ResultBackend, 'storeResult'>,
  result: EncodedResult,
  to?: ResultAddress,
): Promise<void> {
  const storing = { result, to, error: undefined as Error | undefined }
  await backend.storeResult(storing)
  if (storing.error !== undefined) throw storing.error
}
