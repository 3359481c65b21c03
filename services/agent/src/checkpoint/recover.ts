import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import type { Containers } from '../effects/containers';
import type { ContainerRuntime } from '../runtime/container-runtime';
import type { OwnerKey, Recovered } from '../state/command';
import type { AgentState } from '../state/state';
import type { Checkpoint } from './checkpoint';

/** A container that the checkpoint tells of. */
interface Known {
  readonly key: OwnerKey;
  readonly containerId: ContainerId;
  readonly runtime: string;
  readonly phase: 'starting' | 'running' | 'ended';
  readonly sandbox: string;
  readonly groupId?: ContainerId;
  readonly isGroup?: boolean;
}

/**
 * Asks each runtime what became of the containers that the checkpoint tells of. One whose runtime is no longer there is lost.
 *
 * @param runsDirectory where supervisors write; after a restart of the machine the pids in it are other processes' now
 */
export async function recoverContainers(
  checkpoint: Checkpoint,
  runtimes: ReadonlyMap<string, ContainerRuntime>,
  containers: Containers,
  runsDirectory: string,
  sandbox: Sandboxes,
): Promise<readonly Recovered[]> {
  if (checkpoint.rebooted) await forgetPids(runsDirectory);
  const known = knownOf(checkpoint.state, sandbox);
  const outcomes: Recovered[] = [];
  for (const [name, runtime] of runtimes) {
    const own = known.filter((one) => one.runtime === name);
    outcomes.push(...(await recoverOf(name, runtime, own, containers, checkpoint.rebooted)));
  }
  for (const one of known) {
    if (runtimes.has(one.runtime) || one.isGroup === true) continue;
    const message = `The agent was restarted without the runtime ${one.runtime}, which ran the task`;
    outcomes.push({ ...nameOf(one), found: { kind: 'ended', exit: { kind: 'lost', message } } });
  }
  return outcomes;
}

/** Where sandboxes are. */
export interface Sandboxes {
  ofTask(key: OwnerKey): string;
  ofExecutor(key: OwnerKey): string;
}

/** Groups first: what is part of one is found within it. */
function knownOf({ tasks, executors }: AgentState, sandbox: Sandboxes): Known[] {
  const known: Known[] = [];
  for (const { key, containerId, runtime, phase, kind } of executors.values())
    known.push({
      key,
      containerId,
      runtime,
      phase,
      sandbox: sandbox.ofExecutor(key),
      isGroup: kind === 'pod',
    });
  for (const { key, containerId, runtime, phase, executor } of tasks.values()) {
    if (runtime === '') continue;
    const pod = executor === undefined ? undefined : executors.get(executor);
    known.push({
      key,
      containerId,
      runtime,
      phase,
      sandbox: sandbox.ofTask(key),
      ...(pod !== undefined && { groupId: pod.containerId }),
    });
  }
  return known;
}

async function recoverOf(
  name: string,
  runtime: ContainerRuntime,
  containersKnown: readonly Known[],
  containers: Containers,
  rebooted: boolean,
): Promise<readonly Recovered[]> {
  // Before the runtime looks: it may tell of an end while it looks for others.
  for (const { containerId, key, phase, isGroup } of containersKnown)
    if (phase !== 'ended' && isGroup !== true) containers.adopt(containerId, key, name);
  // After the machine's restart nobody can say that a start which was ordered did not happen.
  const found = await runtime.recover(
    containersKnown.map((one) => ({ ...one, ran: one.phase !== 'starting' || rebooted })),
  );
  return containersKnown.flatMap((one, i) => {
    const answer = found[i];
    if (answer === undefined || one.isGroup === true) return [];
    if (answer.kind !== 'running') containers.abandon(one.containerId, name);
    return [{ ...nameOf(one), found: answer }];
  });
}

function nameOf({ key, containerId }: Known): Pick<Recovered, 'key' | 'containerId'> {
  return { key, containerId };
}

async function forgetPids(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name.endsWith('.pid')) await unlink(join(directory, name));
}
