import type { Resources } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import type { Command } from '../state/command';
import type { AgentState } from '../state/state';
import { frameworkId, taskId } from '@meseta/model';
import { taskKey } from '../state/state';
import { viewOf, type QosController, type ResourceEstimator } from './modules';

export interface OversubscriberOptions {
  readonly state: AgentState;
  readonly estimator: ResourceEstimator;
  readonly controller: QosController;
  readonly intervalMs: number;
  readonly push: (command: Command) => void;
  readonly timers: Timers;
  readonly log: Logger;
}

/** Asks the estimator and the controller again and again, and passes on what they say. */
export class Oversubscriber {
  private cancel: () => void = () => undefined;
  private closed = false;

  constructor(private readonly options: OversubscriberOptions) {}

  start(): void {
    if (this.closed) return;
    this.ask()
      .catch((error: unknown) =>
        this.options.log.warn({ err: error }, 'the resource estimator or the QoS controller failed'),
      )
      .finally(() => {
        if (!this.closed)
          this.cancel = this.options.timers.after(this.options.intervalMs, () => this.start());
      });
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  private async ask(): Promise<void> {
    const { state, estimator, controller, push } = this.options;
    push({ kind: 'estimated', oversubscribed: revocable(await estimator.oversubscribable(viewOf(state))) });
    for (const { frameworkId: framework, taskId: id, message } of await controller.corrections(
      viewOf(state),
    )) {
      const key = taskKey(frameworkId(framework), taskId(id));
      const task = state.tasks.get(key);
      const isRevocable = task?.info.resources.some((one) => one.revocable !== undefined) === true;
      if (task !== undefined && isRevocable)
        push({ kind: 'preempted', key, containerId: task.containerId, message });
    }
  }
}

function revocable(resources: Resources): Resources {
  return resources.map((entry) => ({ ...entry, revocable: true }));
}
