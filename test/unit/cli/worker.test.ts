import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { main } from '../../../src/cli/main.ts'
import { createQueue } from '../../../src/messaging/queue.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { Exit, FakeProcess, installApp } from '../../support/command-line.ts'
import { waitFor } from '../../support/wait-for.ts'

/** A worker that runs until it is stopped, and then ends at once or when told. */
function fakeWorker() {
  const ended = deferred<undefined>()
  return {
    start: vi.fn(() => Promise.resolve()),
    prepare: vi.fn(() =>
      Promise.resolve({ hostname: 'celery@box', pool: 'solo', concurrency: 2, queues: [createQueue('celery')] }),
    ),
    closed: () => ended.promise,
    stop: vi.fn((_how: string) => Promise.resolve()),
    end: () => ended.resolve(undefined),
  }
}

function fakeApp(worker: ReturnType<typeof fakeWorker>) {
  return {
    main: 'proj',
    conf: {
      update: vi.fn(),
      include: ['./other.ts'],
      workerSoftShutdownTimeout: 0,
      brokerReadUrl: 'redis://user:secret@h/0',
      workerLogfile: null,
      workerPidfile: null,
      workerUid: null,
      workerGid: null,
      workerUmask: null,
      acceptContent: ['json'],
    },
    prepare: () => Promise.resolve(),
    redirectLog: vi.fn(() => true),
    logger: { info: vi.fn(), warning: vi.fn(), error: vi.fn(), enabled: (level: string) => level === 'INFO' },
    tasks: { names: () => ['proj.add', 'celery.chord'] },
    backend: () => Promise.resolve({ displayUrl: 'disabled://' }),
    worker: vi.fn(() => worker),
  }
}

function start(argv: readonly string[], env: Record<string, string> = {}) {
  const worker = fakeWorker()
  const app = fakeApp(worker)
  const process = new FakeProcess({ env })
  installApp(process.cwd(), app)
  const code = main(['-A', 'app.mjs', ...argv], process)
  return { worker, app, process, code, ready: () => waitFor(() => app.logger.info.mock.calls.length > 0) }
}

describe('options', () => {
  it('become options of the worker', async () => {
    const argv = [
      'worker',
      '-n',
      'w1@%h',
      '-c',
      '3',
      '-P',
      'solo',
      '-Q',
      'a,b',
      '-X',
      'c',
      '--prefetch-multiplier',
      '0',
    ]
    const { worker, app, process, code, ready } = start([
      ...argv,
      '--max-tasks-per-child',
      '5',
      '--max-memory-per-child',
      '9',
      '--discard',
    ])
    await ready()
    worker.end()
    expect(await code).toBe(0)
    expect(app.worker).toHaveBeenCalledWith({
      hostname: 'w1@%h',
      concurrency: 3,
      pool: 'solo',
      queues: ['a', 'b'],
      excludeQueues: ['c'],
      prefetchMultiplier: 0,
      maxTasksPerChild: 5,
      maxMemoryPerChild: 9,
      purge: true,
      appLocation: { file: join(process.cwd(), 'app.mjs'), exportName: undefined },
    })
  })

  it('become settings where child processes must know them', async () => {
    const argv = [
      'worker',
      '--time-limit',
      '9',
      '--soft-time-limit',
      '1.5',
      '-I',
      'more',
      '.lost_wait=5',
      'task.acks_late=1',
    ]
    const { worker, app, process, code, ready } = start([...argv, '-l', 'debug'])
    writeFileSync(join(process.cwd(), 'more.mjs'), '')
    await ready()
    worker.end()
    await code
    const include = ['./other.ts', join(process.cwd(), 'more.mjs')]
    expect(app.conf.update).toHaveBeenCalledWith({ taskTimeLimit: 9, taskSoftTimeLimit: 1.5, include })
    expect(app.conf.update).toHaveBeenCalledWith(
      expect.objectContaining({ values: { workerLostWait: 5, taskAcksLate: true } }),
    )
    expect(process.env['CELERY_LOG_LEVEL']).toBe('DEBUG')
  })

  it('put a beat into the worker', async () => {
    const { worker, app, code, ready } = start(['worker', '--beat'])
    await ready()
    worker.end()
    await code
    const component = expect.objectContaining({ name: 'beat' }) as unknown
    expect(app.worker).toHaveBeenCalledWith(expect.objectContaining({ components: [component] }))
  })

  it('have defaults: node celery@HOST, level WARNING', async () => {
    const { worker, app, process, code, ready } = start(['worker'])
    await ready()
    worker.end()
    await code
    expect(app.worker).toHaveBeenCalledWith({
      hostname: expect.stringMatching(/^celery@./),
      purge: false,
      appLocation: expect.anything(),
    })
    expect(process.env['CELERY_LOG_LEVEL']).toBe('WARNING')
  })

  it.each([
    [['worker', 'worker.nope=1'], 1, /no setting "worker\.nope"/],
    [['worker', '-I', 'nope.ts'], 1, /no file .*nope\.ts/],
    [['worker', '-c', '0'], 2, /above zero/],
    [['worker', '-l', 'loud'], 2, /The levels are/],
    [['worker', '-s', 'runs.json'], 2, /write --beat too/],
  ])('that are wrong start nothing: %j', async (argv, exitCode, message) => {
    const { worker, process, code } = start(argv)
    expect(await code).toBe(exitCode)
    expect(process.stderr.text).toMatch(message)
    expect(worker.start).not.toHaveBeenCalled()
  })

  it('need an app', async () => {
    const process = new FakeProcess()
    expect(await main(['worker'], process)).toBe(1)
    expect(process.stderr.text).toMatch(/Which app\? Name it with -A/)
  })
})

describe('the banner', () => {
  it('tells app, broker without password, backend and tasks', async () => {
    const { worker, process, code, ready } = start(['worker'])
    await ready()
    worker.end()
    await code
    for (const text of [
      'celery@box v',
      'proj',
      'redis://user:**@h/0',
      'disabled://',
      '2 (solo)',
      '.> celery',
      '  . proj.add',
    ]) {
      expect(process.stdout.text).toContain(text)
    }
    expect(process.stdout.text).not.toContain('celery.chord')
  })

  it('is left out when quiet', async () => {
    const { worker, process, code, ready } = start(['-q', 'worker'])
    await ready()
    worker.end()
    await code
    expect(process.stdout.text).toBe('')
  })
})

describe('signals', () => {
  it('stop the worker, more strongly each time, and give the exit code', async () => {
    const { worker, process, code, ready } = start(['worker'])
    await ready()
    process.emit('SIGINT', 'SIGINT')
    expect(worker.stop).toHaveBeenLastCalledWith('warm')
    process.emit('SIGTERM', 'SIGTERM')
    expect(worker.stop).toHaveBeenCalledOnce()
    process.emit('SIGINT', 'SIGINT')
    expect(worker.stop).toHaveBeenLastCalledWith('cold')
    expect(() => process.emit('SIGQUIT', 'SIGQUIT')).toThrow(new Exit(1))
    worker.end()
    expect(await code).toBe(1)
    expect(process.stderr.text).toMatch(/Ctrl\+C again.*\n.*Warm shutdown.*\n.*Cold shutdown/)
    // They do nothing any more.
    expect(process.eventNames()).toEqual(['SIGTERM', 'SIGINT', 'SIGQUIT'])
  })

  it('end with 0 after SIGTERM', async () => {
    const { worker, process, code, ready } = start(['worker'])
    await ready()
    process.emit('SIGTERM', 'SIGTERM')
    worker.end()
    expect(await code).toBe(0)
  })

  it('end at once a worker that has not started yet', async () => {
    const { worker, process, code } = start(['worker'])
    worker.start.mockReturnValue(new Promise(() => {}))
    await waitFor(() => worker.start.mock.calls.length > 0)
    expect(() => process.emit('SIGTERM', 'SIGTERM')).toThrow(new Exit(0))
    expect(worker.stop).not.toHaveBeenCalled()
    void code
  })

  it('say so when stopping fails', async () => {
    const { worker, app, process, ready } = start(['worker'])
    worker.stop.mockRejectedValue(new Error('no'))
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
    await ready()
    process.emit('SIGTERM', 'SIGTERM')
    await waitFor(() => exit.mock.calls.length > 0)
    expect(exit).toHaveBeenCalledWith(1)
    expect(app.logger.error).toHaveBeenCalledOnce()
    worker.end()
  })
})

describe('a worker that ends by itself', () => {
  it('ends the command with 0', async () => {
    const { worker, code, ready } = start(['worker'])
    await ready()
    worker.end()
    expect(await code).toBe(0)
  })

  it('ends it with an error where it cannot start', async () => {
    const { worker, process, code } = start(['worker'])
    worker.start.mockRejectedValue(new Error('no pool'))
    expect(await code).toBe(1)
    expect(process.stderr.text).toContain('no pool')
  })
})
