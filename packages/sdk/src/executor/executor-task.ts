import { isTerminal, type TaskState } from '@meseta/model';
import { taskStateToProto, type TaskInfo, type TaskStatus } from '@meseta/protocol';

/** What a status may say besides its state. */
export interface StatusDetails {
  readonly message?: string;
  /** Opaque; handed to the scheduler. */
  readonly data?: Uint8Array;
  readonly healthy?: boolean;
}

/** A task that an executor runs, and what it tells of it. Statuses go out in their order; what comes after an end is ignored. */
export class ExecutorTask {
  private ended = false;

  constructor(
    readonly info: TaskInfo,
    private readonly tell: (status: TaskStatus) => void,
  ) {}

  get id(): string {
    return this.info.taskId?.value ?? '';
  }

  /** Whether its end was told. */
  get isOver(): boolean {
    return this.ended;
  }

  starting(details?: StatusDetails): void {
    this.update('TASK_STARTING', details);
  }

  running(details?: StatusDetails): void {
    this.update('TASK_RUNNING', details);
  }

  finished(details?: StatusDetails): void {
    this.update('TASK_FINISHED', details);
  }

  failed(details?: StatusDetails): void {
    this.update('TASK_FAILED', details);
  }

  killed(details?: StatusDetails): void {
    this.update('TASK_KILLED', details);
  }

  update(state: TaskState, { message, data, healthy }: StatusDetails = {}): void {
    if (this.ended) return;
    this.ended = isTerminal(state);
    this.tell({
      taskId: { value: this.id },
      state: taskStateToProto(state),
      ...(message !== undefined && { message }),
      ...(data !== undefined && { data: Buffer.from(data) }),
      ...(healthy !== undefined && { healthy }),
    });
  }
}
