/** BullMQ's worker: a process that returns what it is given, as the no-op task of the other side does. */
import { Worker } from 'bullmq'

const [port, queue = '', concurrency] = process.argv.slice(2)

const worker = new Worker(queue, async (job) => job.data.number, {
  connection: { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null },
  concurrency: Number(concurrency),
})
process.once('SIGTERM', () => {
  void worker.close()
})
