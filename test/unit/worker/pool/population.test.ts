import { describe, expect, it } from 'vitest'
import type { WorkerError } from '../../../../src/errors.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { Assignment } from '../../../../src/worker/pool/assignment.ts'
import type { ChildHandle } from '../../../../src/worker/pool/child-handle.ts'
import { PoolChild } from '../../../../src/worker/pool/pool-child.ts'
import { Population } from '../../../../src/worker/pool/population.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { makeJob } from '../../../support/pools.ts'

function setUp(maxTasksPerChild?: number) {
  const clock = fakeClock()
  const logs: string[] = []
  const commands: string[] = []
  const failures: WorkerError[] = []
  const spawned: PoolChild[] = []
  const population = new Population({
    clock,
    logger: createLogger({ level: 'INFO', write: ({ message }) => logs.push(message) }),
    startTimeoutMs: 4000,
    maxTasksPerChild,
    spawn: () => {
      const name = `child-${String(spawned.length + 1)}`
      const fake = {
        name,
        pid: spawned.length + 1,
        complaint: 'what it said',
        sendLeave: () => commands.push(`${name} leave`),
        kill: (signal: string) => commands.push(`${name} ${signal}`),
      }
      const child = new PoolChild(fake as unknown as ChildHandle, clock.monotonic())
      spawned.push(child)
      return child
    },
    onFailed: (error) => failures.push(error),
  })
  const child = (number: number): PoolChild => spawned[number - 1] as PoolChild
  const start = async (wanted: number): Promise<void> => {
    const started = population.start(wanted)
    for (const one of spawned.slice()) population.becameReady(one)
    await started
  }
  const occupy = (one: PoolChild): void => {
    one.push(
      new Assignment(makeJob(1), {
        accepted: () => undefined,
        store: () => undefined,
        endPart: () => undefined,
        ended: () => undefined,
      }),
    )
  }
  return { clock, population, logs, commands, failures, spawned, child, start, occupy }
}

describe('Population', () => {
  it('starts as many as are wanted, and waits for all of them', async () => {
    const { population, spawned, child } = setUp()
    let started = false
    const start = population.start(2).then(() => {
      started = true
    })
    expect(spawned).toHaveLength(2)
    population.becameReady(child(1))
    await Promise.resolve()
    expect(started).toBe(false)
    population.becameReady(child(2))
    await start
    expect(population.children.size).toBe(2)
  })

  it('does not start where one cannot, and says what that one said', async () => {
    const { population, spawned, child, commands } = setUp()
    const start = population.start(2)
    population.becameReady(child(1))
    population.left(child(2), 1)
    expect(spawned).toHaveLength(2)
    await expect(start).rejects.toThrow(/Could not start worker processes: child-2 exited with code 1:\nwhat it said/)
    expect(commands).toEqual(['child-1 leave'])
  })

  it('does not wait for ever for a child to become ready', async () => {
    const { clock, population, commands } = setUp()
    const start = expect(population.start(1)).rejects.toThrow(/child-1 was not ready after 4 s/)
    await clock.advance(4000)
    await start
    expect(commands).toEqual(['child-1 SIGKILL'])
  })

  it('replaces a child that dies', async () => {
    const { clock, population, spawned, child, logs, start } = setUp()
    await start(2)
    await clock.advance(1000)
    population.left(child(1), 'SIGSEGV')
    expect(spawned).toHaveLength(3)
    expect(population.children.size).toBe(2)
    expect(logs).toEqual(['Process child-1 pid:1 ended by SIGSEGV'])
  })

  it('replaces a killed child before it is gone', async () => {
    const { population, spawned, child, logs, start } = setUp()
    await start(1)
    population.kill(child(1))
    expect(spawned).toHaveLength(2)
    population.left(child(1), 'SIGKILL')
    expect(spawned).toHaveLength(2)
    expect(logs).toEqual([])
  })

  it('tries more and more seldom where children die before they are ready', async () => {
    const { clock, population, spawned, child, start } = setUp()
    await start(1)
    await clock.advance(1000)
    population.left(child(1), 1)
    const delays: number[] = []
    for (let attempt = 2; attempt < 11; attempt += 1) {
      population.left(child(attempt), 1)
      const fromMs = clock.monotonic()
      while (spawned.length === attempt) await clock.advance(50)
      delays.push(clock.monotonic() - fromMs)
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    population.becameReady(child(11))
    // It is of use.
    await clock.advance(1000)
    population.left(child(11), 1)
    population.left(child(12), 1)
    await clock.advance(100)
    expect(spawned).toHaveLength(13)
  })

  it('gives up where more than a hundred die within a second', async () => {
    const { clock, population, spawned, failures, start } = setUp()
    await start(1)
    for (let count = 0; count < 100; count += 1) {
      const last = spawned.at(-1) as PoolChild
      population.becameReady(last)
      last.jobs = 1
      population.left(last, 1)
    }
    expect(failures).toEqual([])
    await clock.advance(1000)
    for (let count = 0; count <= 100; count += 1) {
      const last = spawned.at(-1) as PoolChild
      population.becameReady(last)
      last.jobs = 1
      population.left(last, 1)
    }
    expect(failures).toHaveLength(1)
    expect(failures[0]?.code).toBe('WORKER_ERROR')
  })

  it('gives up where they die before they are of use, unless another one works', async () => {
    const { clock, population, spawned, failures, start } = setUp()
    await start(2)
    await clock.advance(1000)
    const dieAtOnce = async (): Promise<void> => {
      const last = spawned.at(-1) as PoolChild
      population.becameReady(last)
      population.left(last, 1)
      for (const before = spawned.length; spawned.length === before && failures.length === 0;) await clock.advance(100)
    }
    for (let count = 0; count < 15; count += 1) await dieAtOnce()
    expect(failures).toEqual([])
    population.left(spawned[0] as PoolChild, 1)
    await dieAtOnce()
    expect(failures.map(({ message }) => message)).toEqual(['10 children in a row died before they were of use'])
  })

  it('lets a child leave after its last job, with its replacement ready in time', async () => {
    const { clock, population, spawned, child, commands, occupy } = setUp(10)
    const started = population.start(1)
    await clock.advance(100)
    population.becameReady(child(1))
    await started
    for (let job = 1; job <= 10; job += 1) {
      expect(child(1).state).toBe('ready')
      occupy(child(1))
      population.handed(child(1))
      // A job takes 40 ms, a start-up 100: while the last three run it has time enough.
      expect(spawned).toHaveLength(job < 8 ? 1 : 2)
      await clock.advance(40)
      child(1).shift()
    }
    expect(child(1).state).toBe('retiring')
    population.leaveIfDone(child(1))
    expect(child(1).state).toBe('leaving')
    expect(commands).toEqual(['child-1 leave'])
    population.becameReady(child(2))
    population.left(child(1), 0)
    expect(spawned).toHaveLength(2)
  })

  it('lets what runs end before a child retires', async () => {
    const { population, child, commands, start, occupy } = setUp()
    await start(1)
    occupy(child(1))
    population.retire(child(1))
    expect(child(1).state).toBe('retiring')
    population.leaveIfDone(child(1))
    expect(commands).toEqual([])
    child(1).shift()
    population.leaveIfDone(child(1))
    population.leaveIfDone(child(1))
    expect(commands).toEqual(['child-1 leave'])
  })

  it('kills a child that does not leave', async () => {
    const { clock, population, child, commands, start } = setUp()
    await start(1)
    population.retire(child(1))
    population.becameReady(child(2))
    await clock.advance(5000)
    expect(commands).toEqual(['child-1 leave', 'child-1 SIGKILL'])
  })

  it('grows and shrinks, idle ones first', async () => {
    const { population, spawned, child, start, occupy } = setUp()
    await start(1)
    const grown = population.resize(3)
    expect(spawned).toHaveLength(3)
    population.becameReady(child(2))
    population.becameReady(child(3))
    await grown
    occupy(child(1))
    occupy(child(3))
    await population.resize(2)
    expect(spawned.map(({ state }) => state)).toEqual(['ready', 'leaving', 'ready'])
    await population.resize(1)
    expect(spawned.map(({ state }) => state).sort()).toEqual(['leaving', 'ready', 'retiring'])
  })

  it('resolves a growth that a later shrink made needless', async () => {
    const { population, start } = setUp()
    await start(1)
    const grown = population.resize(3)
    await population.resize(1)
    await grown
  })

  it('closes when the last one is gone, and spawns no more', async () => {
    const { population, spawned, child, commands, start } = setUp()
    await start(2)
    let closed = false
    const close = population.close().then(() => {
      closed = true
    })
    void population.close()
    expect(commands).toEqual(['child-1 leave', 'child-2 leave'])
    population.left(child(1), 0)
    await Promise.resolve()
    expect(closed).toBe(false)
    population.left(child(2), 0)
    await close
    expect(spawned).toHaveLength(2)
    await expect(population.start(1)).rejects.toThrow(/stopped/)
  })

  it('rejects a start that is cut short', async () => {
    const { population, child, commands } = setUp()
    const start = population.start(1)
    const close = population.close()
    await expect(start).rejects.toThrow(/stopped/)
    expect(commands).toEqual(['child-1 SIGKILL'])
    population.left(child(1), 'SIGKILL')
    await close
  })

  describe('restart', () => {
    it('replaces one child after the other, each once its replacement is ready', async () => {
      const { population, spawned, child, commands, start, occupy } = setUp()
      await start(2)
      occupy(child(1))
      let renewed = false
      const restart = population.restart().then(() => {
        renewed = true
      })
      expect([spawned.length, commands]).toEqual([3, []])
      population.becameReady(child(3))
      expect(child(1).state).toBe('retiring')
      expect(spawned).toHaveLength(4)
      child(1).shift()
      population.leaveIfDone(child(1))
      population.left(child(1), 0)
      expect(renewed).toBe(false)
      population.becameReady(child(4))
      await restart
      expect(commands).toEqual(['child-1 leave', 'child-2 leave'])
      expect(spawned).toHaveLength(4)
    })

    it('keeps the old ones where a new one cannot start', async () => {
      const { population, clock, spawned, child, start } = setUp()
      await start(2)
      const restart = expect(population.restart()).rejects.toThrow(/Could not restart worker processes: child-3/)
      population.left(child(3), 1)
      await restart
      await clock.advance(20_000)
      expect(spawned.map(({ state }) => state)).toEqual(['ready', 'ready', 'starting'])
      const again = population.restart()
      population.becameReady(spawned.at(-1) as PoolChild)
      population.becameReady(spawned.at(-1) as PoolChild)
      await again
      expect([...population.children].filter(({ state }) => state === 'ready')).toHaveLength(2)
    })

    it('takes in those that were about to start, and another restart on the way', async () => {
      const { population, spawned, child, start } = setUp()
      await start(1)
      void population.resize(2)
      const restarts = [population.restart(), population.restart()]
      for (let number = 2; number <= 4; number += 1) population.becameReady(child(number))
      await Promise.all(restarts)
      expect(spawned.map(({ state }) => state)).toEqual(['leaving', 'leaving', 'ready', 'ready'])
    })

    it('has nothing to do without children, and ends with the pool', async () => {
      const { population, start } = setUp()
      await population.restart()
      await start(1)
      const restart = expect(population.restart()).rejects.toThrow(/stopped/)
      void population.close()
      await restart
      await expect(population.restart()).rejects.toThrow(/stopped/)
    })
  })
})
