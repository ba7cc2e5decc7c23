/** `stats`: figures of the worker and its surroundings, under Celery's names. */
import { plainValue } from '../../app/censor.ts'
import type { Settings } from '../../app/settings.ts'
import type { StatsInfo } from '../../protocol/control.ts'
import { maskPassword, parseUrl, splitUrls } from '../../util/url.ts'
import type { Command, CommandTarget } from './command.ts'

/** Takes no arguments. */
export const stats: Command = {
  name: 'stats',
  kind: 'inspect',
  help: 'Figures: tasks by name, uptime, the pool, the broker, resources used.',
  run: (worker: CommandTarget): StatsInfo => ({
    total: Object.fromEntries(worker.state.totals),
    pid: process.pid,
    clock: String(worker.app.logicalClock.time),
    uptime: Math.round((worker.app.clock.monotonic() - worker.startedMs) / 1000),
    pool: worker.pool.info(),
    broker: describeBroker(worker.brokerUrl, worker.app.conf.values),
    prefetch_count: worker.prefetchCount,
    rusage: resourceUsage(),
    ...(worker.autoscaler === undefined ? {} : { autoscaler: worker.autoscaler.info() }),
  }),
}

/** What kombu's `Connection.info()` tells, as far as it means something here. */
function describeBroker(url: string, settings: Settings): Record<string, unknown> {
  const { scheme, username, host, port, path } = parseUrl(url)
  const others = splitUrls(settings.brokerReadUrl).map((one) => maskPassword(one))
  return {
    hostname: host ?? null,
    userid: username ?? null,
    virtual_host: path === '' ? '/' : path.replace(/^\//, ''),
    port: port ?? null,
    insist: false,
    ssl: settings.brokerUseSsl !== false,
    transport: scheme,
    connect_timeout: settings.brokerConnectionTimeout,
    transport_options: plainValue('', settings.brokerTransportOptions, true),
    login_method: settings.brokerLoginMethod,
    uri_prefix: null,
    heartbeat: settings.brokerHeartbeat,
    failover_strategy: settings.brokerFailoverStrategy ?? 'round-robin',
    alternates: others.filter((other) => other !== url),
  }
}

/** Under the names of `getrusage(2)`; times in seconds. */
function resourceUsage(): Record<string, number> {
  const usage = process.resourceUsage()
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  }
}
