import { containerId as asContainerId, type ContainerId } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import type { Resource } from '@meseta/protocol';
import { rotateOutput } from '../logs/rotate';
import { Rounds } from '../rounds';
import type { Command } from '../state/command';
import { runningOf } from '../state/running';
import type { AgentState } from '../state/state';
import { passedOf, type DiskUses } from './disk-uses';
import { deleteOldSandboxes, type RetentionOptions } from './old-sandboxes';
import { sandboxOfExecutor, sandboxOfTask } from './sandbox-of';

export interface HousekeeperOptions extends RetentionOptions {
  readonly state: AgentState;
  /** How often it goes round. Milliseconds. */
  readonly intervalMs: number;
  /** Whether a container that writes more than its disk is ended. */
  readonly enforceDiskQuota: boolean;
  /** Whether what containers use of disks is found out in any case. */
  readonly reportDiskUsage: boolean;
  readonly diskUses: DiskUses;
  /** How long an output may become before it is moved aside. Bytes; 0 is without bound. */
  readonly logBytesMax: number;
  readonly push: (command: Command) => void;
  readonly onDeleted: (sandboxes: number) => void;
  readonly timers: Timers;
  readonly log: Logger;
  readonly nowMs?: () => number;
}

/** A container with files. */
interface Occupied {
  readonly key: string;
  readonly containerId: ContainerId;
  readonly sandbox: string;
  readonly runtime: string;
  readonly resources: readonly Resource[];
}

/** Goes round the sandboxes: deletes old ones, sees to it that none takes more disk than it may, and that no output grows for ever. */
export class Housekeeper {
  private readonly rounds: Rounds;

  constructor(private readonly options: HousekeeperOptions) {
    const { intervalMs, timers, log } = options;
    this.rounds = new Rounds({
      intervalMs,
      timers,
      goRound: () => this.goRound(),
      onError: (error) => log.warn({ err: error }, 'could not look after the sandboxes'),
    });
  }

  start(): void {
    this.rounds.start();
  }

  close(): Promise<void> {
    return this.rounds.close();
  }

  async goRound(): Promise<void> {
    const { state, logBytesMax, enforceDiskQuota, reportDiskUsage, diskUses, onDeleted } = this.options;
    for (const occupied of this.occupied()) {
      // The docker runtime takes an output's length for how much of it was copied.
      if (logBytesMax > 0 && occupied.runtime === 'process')
        await rotateOutput(occupied.sandbox, logBytesMax);
      if (enforceDiskQuota || reportDiskUsage) await this.measure(occupied);
    }
    const live = new Set<ContainerId>();
    for (const { containerId } of [...state.tasks.values(), ...state.executors.values()])
      live.add(containerId);
    diskUses.keepOnly(live);
    const nowMs = this.options.nowMs?.() ?? Date.now();
    onDeleted(await deleteOldSandboxes(this.options, (id) => live.has(asContainerId(id)), nowMs));
  }

  private async measure({ key, containerId, sandbox, resources }: Occupied): Promise<void> {
    const { diskUses, enforceDiskQuota, reportDiskUsage, push } = this.options;
    const use = await diskUses.measure(containerId, sandbox, resources, !reportDiskUsage);
    const passed = use === undefined || !enforceDiskQuota ? undefined : passedOf(use);
    if (passed === undefined) return;
    const megabytes = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
    const [used, limit] = [megabytes(passed.usedBytes), megabytes(passed.limitBytes ?? 0)];
    push({
      kind: 'limitPassed',
      key,
      containerId,
      limit: {
        reason: 'CONTAINER_LIMITATION_DISK',
        message: `${passed.what}: ${used} MB are used of ${limit} MB`,
        resources: [{ name: 'disk', milli: used * 1000 }],
      },
    });
  }

  private occupied(): Occupied[] {
    const { state, workDir } = this.options;
    const { agentId } = state;
    if (agentId === undefined) return [];
    const { tasks, executors } = runningOf(state);
    return [
      ...tasks.map((task) => ({
        ...task,
        sandbox: sandboxOfTask(workDir, agentId, state, task),
        resources: task.info.resources,
      })),
      ...executors.map((executor) => ({
        ...executor,
        sandbox: sandboxOfExecutor(workDir, agentId, executor),
        resources: [
          ...executor.info.resources,
          ...[...executor.tasks].flatMap((key) => state.tasks.get(key)?.info.resources ?? []),
        ],
      })),
    ];
  }
}
