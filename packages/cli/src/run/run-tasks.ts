import { randomBytes } from 'node:crypto';
import { FailureError, printDurationMs } from '@meseta/kit';
import { failure, isTerminal } from '@meseta/model';
import { connect, OperatorClient, type Offer, type Scheduler, type Task, type TaskUpdate } from '@meseta/sdk';
import type { CliContext } from '../context';
import { countWord } from '../output/words';
import type { RunPlan } from './run-plan';
import { TaskOutput } from './task-output';

/** A launch that never happened, for a passing reason, is tried again so often. */
const launchesPerInstanceMax = 5;
/** After this time without a launch, the user is told how to find out why. */
const hintAfterMs = 5000;
/** After ctrl-C, how long a leader is looked for that could still kill what runs. */
const leaderlessMaxMs = 10_000;
/** Exit statuses as shells and `timeout` have them. */
const exitFailed = 1;
const exitTimeout = 124;
const exitInterrupted = 130;

interface Instance {
  readonly name: string;
  launches: number;
  /** Of its latest launch. */
  taskId: string;
}

/**
 * Runs the plan as a framework of its own and returns the exit status: 0 if every instance finished, 1 if one did not,
 * 124 after the timeout, 130 after ctrl-C. Tasks that still run then are killed first; a second ctrl-C does not wait.
 */
export async function runTasks(context: CliContext, master: string, plan: RunPlan): Promise<number> {
  const say = (text: string): void => void context.err.write(`meseta: ${text}\n`);
  const run = new Run(context, plan, say);
  const scheduler = await connect({
    master,
    framework: { name: plan.name, role: plan.role, ...(plan.user === undefined ? {} : { user: plan.user }) },
    timeout: '5s',
    onUpdate: (update, task) => run.updated(update, task),
    onConnection: (connected, why) => run.connection(connected, why?.message ?? ''),
  });
  const operator = new OperatorClient({ master });
  const output = new TaskOutput({
    context,
    operator,
    frameworkId: scheduler.frameworkId,
    prefixed: plan.instances > 1,
  });
  try {
    return await run.until(scheduler, output);
  } finally {
    // What runs dies with its framework; a run that is over leaves nothing behind.
    await scheduler.teardown().catch(() => undefined);
    output.close();
    operator.close();
  }
}

class Run {
  readonly #context: CliContext;
  readonly #plan: RunPlan;
  readonly #say: (text: string) => void;
  readonly #instances: readonly Instance[];
  readonly #waiting: Instance[];
  /** By the id of their latest launch: an update may come before the launch's own answer. */
  readonly #byTaskId = new Map<string, Instance>();
  #output: TaskOutput | undefined;
  #scheduler: Scheduler | undefined;
  #left: number;
  #failed = 0;
  #exit: number | undefined;
  #connected = false;
  #everConnected = false;
  #done: (() => void) | undefined;
  #endNow: (() => void) | undefined;

  constructor(context: CliContext, plan: RunPlan, say: (text: string) => void) {
    this.#context = context;
    this.#plan = plan;
    this.#say = say;
    this.#instances = Array.from({ length: plan.instances }, (_, index) => ({
      name: plan.instances === 1 ? plan.name : `${plan.name}-${index + 1}`,
      launches: 0,
      taskId: '',
    }));
    this.#waiting = [...this.#instances];
    this.#left = plan.instances;
  }

  /** Launches everything, waits for its end and for its output, and returns the exit status. */
  async until(scheduler: Scheduler, output: TaskOutput): Promise<number> {
    this.#scheduler = scheduler;
    this.#output = output;
    const { instances, resources, timeoutMs } = this.#plan;
    this.#say(
      `framework ${scheduler.frameworkId}: ${countWord(instances, 'task')} of ${resources.toString()}`,
    );
    const timers = [
      setTimeout(() => this.#hint(), hintAfterMs),
      ...(timeoutMs === undefined ? [] : [setTimeout(() => this.#timeOut(timeoutMs), timeoutMs)]),
    ];
    const release = this.#context.onInterrupt(() => this.#interrupt());
    try {
      const over = new Promise<void>((resolve) => (this.#done = resolve));
      const cut = new Promise<void>((resolve) => (this.#endNow = resolve));
      // The offers end only by an error of the master, which ends the run.
      await Promise.race([over, cut, this.#launchFrom(scheduler)]);
      await Promise.race([output.finished(), cut]);
      return this.#result();
    } finally {
      timers.forEach(clearTimeout);
      release();
    }
  }

  /** An update of a task: read its output, tell of it, and count its end. */
  updated(update: TaskUpdate, task: Task): void {
    const instance = this.#byTaskId.get(task.id);
    if (instance === undefined) return;
    if (update.source !== 'MASTER') this.#output?.follow(task);
    const why = [update.reason, update.message]
      .filter((part) => part !== undefined && part !== '')
      .join(', ');
    // Answers of a reconciliation mostly repeat what is known.
    if (update.state !== task.state) {
      this.#say(
        `${instance.name} is ${update.state.replace(/^TASK_/, '')} on ${task.hostname ?? 'an unknown host'}${why && `: ${why}`}`,
      );
    }
    if (!isTerminal(update.state)) return;
    const again =
      update.state === 'TASK_DROPPED' &&
      this.#exit === undefined &&
      instance.launches < launchesPerInstanceMax;
    if (again) this.#relaunch(instance);
    else this.#ended(update.state === 'TASK_FINISHED');
  }

  connection(connected: boolean, why: string): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    const again = this.#everConnected;
    this.#everConnected = true;
    if (!again) return;
    if (connected) this.#say('connected to the leader again');
    else this.#say(`lost the leader: ${why}; tasks run on while it is looked for`);
  }

  async #launchFrom(scheduler: Scheduler): Promise<void> {
    for await (const offer of scheduler.offers()) await this.#use(offer);
    throw new FailureError(failure('conflict', 'the master sends no more offers'));
  }

  async #use(offer: Offer): Promise<void> {
    const placed: Instance[] = [];
    const launches: Promise<Task>[] = [];
    while (this.#exit === undefined && offer.fits(this.#plan.resources)) {
      const instance = this.#waiting.shift();
      if (instance === undefined) break;
      instance.launches += 1;
      placed.push(instance);
      launches.push(offer.launch({ ...this.#plan.spec, name: instance.name, id: this.#newTaskId(instance) }));
    }
    if (launches.length === 0) {
      offer.decline(this.#waiting.length === 0 ? { for: '1h' } : {});
      return;
    }
    const launched = await Promise.allSettled(launches);
    launched.forEach((result, index) => {
      const instance = placed[index];
      if (instance !== undefined && result.status === 'rejected') this.#launchFailed(instance, result.reason);
    });
    if (this.#waiting.length === 0) await this.#scheduler?.suppress();
  }

  /** Short enough to type, and unique among all that this cluster remembers. */
  #newTaskId(instance: Instance): string {
    this.#byTaskId.delete(instance.taskId);
    instance.taskId = `${instance.name}-${randomBytes(3).toString('hex')}`;
    this.#byTaskId.set(instance.taskId, instance);
    return instance.taskId;
  }

  #launchFailed(instance: Instance, reason: unknown): void {
    const kind = reason instanceof FailureError ? reason.failure.kind : 'bug';
    // The offer was taken back in the meantime: the next one will do.
    if (kind === 'conflict' && instance.launches < launchesPerInstanceMax) {
      this.#relaunch(instance);
      return;
    }
    this.#say(
      `${instance.name} cannot be launched: ${reason instanceof Error ? reason.message : String(reason)}`,
    );
    this.#ended(false);
  }

  #relaunch(instance: Instance): void {
    const first = this.#waiting.length === 0;
    this.#waiting.push(instance);
    if (first) void this.#scheduler?.revive().catch(() => undefined);
  }

  #ended(well: boolean): void {
    this.#left -= 1;
    if (!well) this.#failed += 1;
    if (this.#left === 0) this.#done?.();
  }

  #result(): number {
    const total = this.#plan.instances;
    if (this.#exit !== undefined) return this.#exit;
    if (this.#failed === 0) this.#say(`${countWord(total, 'task')} finished`);
    else this.#say(`${this.#failed} of ${countWord(total, 'task')} did not finish`);
    return this.#failed === 0 ? 0 : exitFailed;
  }

  #hint(): void {
    if (this.#waiting.length === 0) return;
    const id = this.#scheduler?.frameworkId ?? '';
    const count = countWord(this.#waiting.length, 'task');
    this.#say(`${count} still wait for an offer that fits; \`meseta explain ${id}\` says why there is none`);
  }

  #timeOut(timeoutMs: number): void {
    if (this.#exit !== undefined) return;
    this.#say(`not done after ${printDurationMs(timeoutMs)}: killing what runs`);
    this.#killAll(exitTimeout);
  }

  #interrupt(): void {
    if (this.#exit !== undefined) {
      this.#exit = exitInterrupted;
      this.#endNow?.();
      return;
    }
    this.#say('killing what runs (ctrl-C again does not wait)');
    this.#killAll(exitInterrupted);
    // Without a leader nobody can kill them: they end with the framework, whose failover timeout is 0.
    setTimeout(() => !this.#connected && this.#endNow?.(), leaderlessMaxMs).unref();
  }

  /** Ends the run early: nothing is launched any more, and it is over when everything that runs has ended. */
  #killAll(exit: number): void {
    this.#exit = exit;
    for (const _never of this.#waiting.splice(0)) this.#ended(false);
    for (const taskId of this.#byTaskId.keys()) {
      const task = this.#scheduler?.tasks.get(taskId);
      if (task !== undefined && !task.ended) void task.kill().catch(() => undefined);
    }
  }
}
