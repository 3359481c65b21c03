import {
  isFailure,
  isInRanges,
  noRanges,
  normalRanges,
  printRanges,
  type ContainerId,
  type Ranges,
} from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import { resourcesFromProto, type ContainerInfo, type Resource } from '@meseta/protocol';
import { Rounds } from '../rounds';
import type { ContainerRuntime } from '../runtime/container-runtime';
import type { Command } from '../state/command';
import { liveTasksOf, runningOf } from '../state/running';
import type { AgentState, ExecutorRecord, TaskRecord } from '../state/state';
import { isNamed } from './container-network';
import { listeningSockets, socketsOf } from './listening';

export interface PortWatcherOptions {
  readonly state: AgentState;
  /** The one whose containers' processes are known. */
  readonly runtime: Pick<ContainerRuntime, 'name' | 'processesOf'>;
  readonly intervalMs: number;
  /** Whether only ports that the agent offers are looked at. */
  readonly offeredOnly: boolean;
  readonly push: (command: Command) => void;
  readonly timers: Timers;
  readonly log: Logger;
}

/** A container on the machine's network. */
interface Watched {
  readonly key: string;
  readonly containerId: ContainerId;
  /** Its ports. */
  readonly own: Ranges;
}

/**
 * Ends containers that listen on ports of the machine which are not theirs (G62). Those in a network of their own have all of its ports.
 *
 * Only TCP: of a socket of UDP nobody can say whether it serves or asks.
 */
export class PortWatcher {
  private readonly rounds: Rounds;

  constructor(private readonly options: PortWatcherOptions) {
    const { intervalMs, timers, log } = options;
    this.rounds = new Rounds({
      intervalMs,
      timers,
      goRound: () => this.goRound(),
      onError: (error) => log.warn({ err: error }, 'could not look for ports that tasks listen on'),
    });
  }

  start(): void {
    this.rounds.start();
  }

  close(): Promise<void> {
    return this.rounds.close();
  }

  async goRound(): Promise<void> {
    const { state, runtime, offeredOnly, push } = this.options;
    const offered = offeredOnly ? state.resources.ranges('ports') : undefined;
    const sockets = await listeningSockets();
    for (const { key, containerId, own } of watchedOf(state, runtime.name)) {
      const wrong = new Set<number>();
      for (const pid of runtime.processesOf?.(containerId) ?? [])
        for (const inode of await socketsOf(pid)) {
          const port = sockets.get(inode);
          if (
            port !== undefined &&
            !isInRanges(own, port) &&
            (offered === undefined || isInRanges(offered, port))
          )
            wrong.add(port);
        }
      if (wrong.size > 0) push({ kind: 'limitPassed', key, containerId, limit: limitOf(wrong, own) });
    }
  }
}

function limitOf(wrong: ReadonlySet<number>, own: Ranges): (Command & { kind: 'limitPassed' })['limit'] {
  const ports = [...wrong].sort((a, b) => a - b);
  const has = own.length === 0 ? 'it has no ports' : `its ports are ${printRanges(own)}`;
  const ranges = normalRanges(ports.map((port) => ({ begin: port, end: port })));
  return {
    reason: 'CONTAINER_LIMITATION',
    message: `Listens on port ${ports.join(', ')}: ${has}`,
    resources: [{ name: 'ports', ranges }],
  };
}

/** Every container of a runtime that runs on the machine's network. The tasks of an executor use its ports and each other's. */
function watchedOf(state: AgentState, runtime: string): Watched[] {
  const { tasks, executors } = runningOf(state);
  const isWatched = (one: TaskRecord | ExecutorRecord, network: TaskRecord | ExecutorRecord): boolean =>
    one.runtime === runtime && !hasNetwork(network.info.container);
  const watched: Watched[] = [];
  for (const task of tasks) {
    const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
    const own = executor === undefined ? portsOf(task.info.resources) : portsOfAll(state, executor);
    if (isWatched(task, executor ?? task)) watched.push({ ...task, own });
  }
  for (const executor of executors)
    if (isWatched(executor, executor)) watched.push({ ...executor, own: portsOfAll(state, executor) });
  return watched;
}

function hasNetwork(container: ContainerInfo | undefined): boolean {
  return container?.networkInfos.some(isNamed) === true;
}

function portsOfAll(state: AgentState, executor: ExecutorRecord): Ranges {
  const tasks = liveTasksOf(state, executor);
  return portsOf([...executor.info.resources, ...tasks.flatMap((task) => task.info.resources)]);
}

function portsOf(given: readonly Resource[]): Ranges {
  const resources = resourcesFromProto(given);
  return isFailure(resources) ? noRanges : resources.ranges('ports');
}
