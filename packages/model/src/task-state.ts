/** The states of a task, with the names of the Mesos v1 API. */
export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_ERROR'
  | 'TASK_LOST'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

/** One row of the table of states. */
export interface TaskStateRow {
  /** The enum number of the Mesos v1 API. */
  readonly number: number;
  /** A terminal task holds no resources and never changes state again. */
  readonly terminal: boolean;
  /** The states that may be recorded after this one. A repeat of the same non-terminal state is always allowed. */
  readonly next: readonly TaskState[];
  readonly meaning: string;
}

const ends: readonly TaskState[] = [
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
];

/**
 * The life of a task as data: what may follow what. The assertion in the cores, the picture in the documents and the colours of the UI come
 * from here.
 */
export const taskStates: Readonly<Record<TaskState, TaskStateRow>> = {
  TASK_STAGING: {
    number: 6,
    terminal: false,
    next: ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', 'TASK_ERROR', ...ends],
    meaning: 'The master accepted the launch; the agent has not yet reported.',
  },
  TASK_STARTING: {
    number: 0,
    terminal: false,
    next: ['TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', ...ends],
    meaning: 'The agent has the task; it is not running yet.',
  },
  TASK_RUNNING: {
    number: 1,
    terminal: false,
    next: ['TASK_KILLING', 'TASK_UNREACHABLE', ...ends],
    meaning: 'The task runs. Sent again when the result of a check changes.',
  },
  TASK_KILLING: {
    number: 8,
    terminal: false,
    next: ['TASK_UNREACHABLE', ...ends],
    meaning: 'The task was asked to end. Shown only to frameworks with TASK_KILLING_STATE.',
  },
  TASK_FINISHED: { number: 2, terminal: true, next: [], meaning: 'The task ended by itself and succeeded.' },
  TASK_FAILED: {
    number: 3,
    terminal: true,
    next: [],
    meaning: 'The task ended by itself and did not succeed.',
  },
  TASK_KILLED: { number: 4, terminal: true, next: [], meaning: 'The task ended because it was asked to.' },
  TASK_ERROR: {
    number: 7,
    terminal: true,
    next: [],
    meaning: 'The description was invalid; the task was never launched.',
  },
  TASK_LOST: {
    number: 5,
    terminal: true,
    next: [],
    meaning: 'The task will not be heard of again, as told to frameworks without PARTITION_AWARE.',
  },
  TASK_DROPPED: {
    number: 9,
    terminal: true,
    next: [],
    meaning: 'The task was never launched, for a passing reason.',
  },
  TASK_UNREACHABLE: {
    number: 10,
    terminal: false,
    next: ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_UNKNOWN', ...ends],
    meaning: 'The agent does not answer; the task may still run and may come back.',
  },
  TASK_GONE: { number: 11, terminal: true, next: [], meaning: 'The task ended with its agent or executor.' },
  TASK_GONE_BY_OPERATOR: {
    number: 12,
    terminal: true,
    next: [],
    meaning: 'An operator declared that the agent will never come back.',
  },
  TASK_UNKNOWN: {
    number: 13,
    terminal: false,
    next: ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_UNREACHABLE', ...ends],
    meaning: 'The master knows nothing of the task or of its agent.',
  },
};

/** Whether a task in this state has ended for good. UNREACHABLE and UNKNOWN are not ends. */
export function isTerminal(state: TaskState): boolean {
  return taskStates[state].terminal;
}

/** Whether `to` may be recorded for a task that is in `from`. */
export function mayFollow(from: TaskState, to: TaskState): boolean {
  return from === to ? !isTerminal(from) : taskStates[from].next.includes(to);
}

/** What a framework without PARTITION_AWARE is shown in place of the states that it does not know. */
export function partitionUnawareState(state: TaskState): TaskState {
  switch (state) {
    case 'TASK_UNREACHABLE':
    case 'TASK_DROPPED':
    case 'TASK_GONE':
    case 'TASK_GONE_BY_OPERATOR':
    case 'TASK_UNKNOWN':
      return 'TASK_LOST';
    default:
      return state;
  }
}

/** The table as a Mermaid state diagram, for the documents. */
export function mermaid(): string {
  const lines = ['stateDiagram-v2', '  [*] --> TASK_STAGING'];
  for (const [from, row] of Object.entries(taskStates)) {
    for (const to of row.next) lines.push(`  ${from} --> ${to}`);
    if (row.terminal) lines.push(`  ${from} --> [*]`);
  }
  return `${lines.join('\n')}\n`;
}
