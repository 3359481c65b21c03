// The framework: map tasks wherever there is room, then one reduce task. It sees offers and makes decisions; the rest is the SDK's.

import type { Offer, Scheduler, Task, TaskSpec } from '@meseta/sdk';

/** How one task went. */
export interface TaskRun {
  readonly task: Task;
  readonly hostname: string;
  /** From the moment the offer reached the framework until the task's RUNNING update did. */
  readonly offerToRunningMs: number;
}

/** Told of each task that finished: how many of how many. */
export type Progress = (finished: number, total: number) => void;

/** Runs every task on whatever is offered, and resolves when all have finished. A task that fails ends the job. */
export async function runAll(
  scheduler: Scheduler,
  specs: readonly TaskSpec[],
  progress: Progress,
): Promise<readonly TaskRun[]> {
  const waiting = [...specs];
  const runs: Promise<TaskRun>[] = [];
  let finished = 0;
  let failed: unknown;
  if (!scheduler.connected) await scheduler.revive();
  for await (const offer of scheduler.offers()) {
    const offeredAtMs = performance.now();
    const placed = takeWhatFits(offer, waiting);
    if (placed.length === 0) {
      offer.decline({ for: waiting.length === 0 ? '1h' : '1s' });
      continue;
    }
    const tasks = await offer.launch(placed, { refuseFor: waiting.length === 0 ? '1h' : 0 });
    for (const task of tasks) {
      const run = follow(task, offer.hostname, offeredAtMs);
      run.then(
        () => progress(++finished, specs.length),
        (error: unknown) => (failed ??= error),
      );
      runs.push(run);
    }
    if (waiting.length === 0 || failed !== undefined) break;
  }
  return Promise.all(runs);
}

/** Takes tasks from the front of the list for as long as the offer has room. */
function takeWhatFits(offer: Offer, waiting: TaskSpec[]): TaskSpec[] {
  const placed: TaskSpec[] = [];
  let room = offer.remaining.unallocate();
  for (;;) {
    const next = waiting[0];
    if (next === undefined || typeof next.resources === 'string' || !room.contains(next.resources))
      return placed;
    room = room.subtract(next.resources);
    placed.push(next);
    waiting.shift();
  }
}

async function follow(task: Task, hostname: string, offeredAtMs: number): Promise<TaskRun> {
  await task.running();
  const offerToRunningMs = performance.now() - offeredAtMs;
  await task.finished();
  if (task.state === 'TASK_FINISHED') return { task, hostname, offerToRunningMs };
  throw new Error(`task ${task.id} ended as ${task.state} on ${hostname}: ${task.last?.message ?? ''}`);
}
