import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Containers } from '../effects/containers';
import type { ContainerRuntime } from '../runtime/container-runtime';
import type { Recovered } from '../state/command';
import type { TaskRecord } from '../state/state';
import type { Checkpoint } from './checkpoint';

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
  sandbox: (task: TaskRecord) => string,
): Promise<readonly Recovered[]> {
  if (checkpoint.rebooted) await forgetPids(runsDirectory);
  const tasks = [...checkpoint.state.tasks.values()].filter(({ runtime }) => runtime !== '');
  const outcomes: Recovered[] = [];
  for (const [name, runtime] of runtimes) {
    const own = tasks.filter((task) => task.runtime === name);
    outcomes.push(...(await recoverOf(name, runtime, own, containers, checkpoint.rebooted, sandbox)));
  }
  for (const task of tasks) {
    if (runtimes.has(task.runtime)) continue;
    const message = `The agent was restarted without the runtime ${task.runtime}, which ran the task`;
    outcomes.push({ ...nameOf(task), found: { kind: 'ended', exit: { kind: 'lost', message } } });
  }
  return outcomes;
}

async function recoverOf(
  name: string,
  runtime: ContainerRuntime,
  tasks: readonly TaskRecord[],
  containers: Containers,
  rebooted: boolean,
  sandbox: (task: TaskRecord) => string,
): Promise<readonly Recovered[]> {
  // Before the runtime looks: it may tell of an end while it looks for others.
  for (const { containerId, key, phase } of tasks)
    if (phase !== 'ended') containers.adopt(containerId, key, name);
  // After the machine's restart nobody can say that a start which was ordered did not happen.
  const known = tasks.map((task) => ({
    containerId: task.containerId,
    ran: task.phase !== 'starting' || rebooted,
    sandbox: sandbox(task),
  }));
  const found = await runtime.recover(known);
  return tasks.flatMap((task, i) => {
    const answer = found[i];
    if (answer === undefined) return [];
    if (answer.kind !== 'running') containers.abandon(task.containerId, name);
    return [{ ...nameOf(task), found: answer }];
  });
}

function nameOf({ key, containerId }: TaskRecord): Pick<Recovered, 'key' | 'containerId'> {
  return { key, containerId };
}

async function forgetPids(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name.endsWith('.pid')) await unlink(join(directory, name));
}
