import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Containers } from '../effects/containers';
import type { ContainerRuntime } from '../runtime/container-runtime';
import type { Recovered } from '../state/command';
import type { TaskRecord } from '../state/state';
import type { Checkpoint } from './checkpoint';

/** Asks each runtime what became of the containers that the checkpoint tells of. One whose runtime is no longer there is lost. */
export async function recoverContainers(
  checkpoint: Checkpoint,
  runtimes: ReadonlyMap<string, ContainerRuntime>,
  containers: Containers,
  runsDirectory?: string,
): Promise<readonly Recovered[]> {
  if (checkpoint.rebooted && runsDirectory !== undefined) await forgetPids(runsDirectory);
  const tasks = [...checkpoint.state.tasks.values()].filter(({ runtime }) => runtime !== '');
  const outcomes: Recovered[] = [];
  for (const [name, runtime] of runtimes) {
    const own = tasks.filter((task) => task.runtime === name);
    // After the machine's restart nobody can say that a start which was ordered did not happen.
    const found = await runtime.recover(
      own.map(({ containerId, phase }) => ({ containerId, ran: phase !== 'starting' || checkpoint.rebooted, sandbox: '' })),
    );
    for (const [i, answer] of found.entries()) outcomes.push({ ...nameOf(own[i] as TaskRecord), found: answer });
    for (const { key, containerId, found: answer } of outcomes.slice(-own.length || outcomes.length)) {
      if (answer.kind === 'running') containers.adopt(containerId, key, name);
    }
  }
  for (const task of tasks) {
    if (runtimes.has(task.runtime)) continue;
    const message = `The agent was restarted without the runtime ${task.runtime}, which ran the task`;
    outcomes.push({ ...nameOf(task), found: { kind: 'ended', exit: { kind: 'lost', message } } });
  }
  return outcomes;
}

function nameOf({ key, containerId }: TaskRecord): Pick<Recovered, 'key' | 'containerId'> {
  return { key, containerId };
}

/** The pids of before the machine's restart are other processes' now. */
async function forgetPids(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name.endsWith('.pid')) await unlink(join(directory, name));
}
