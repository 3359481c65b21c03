import type { Instant, TaskState } from '@meseta/model';
import { assert, isTerminal, mayFollow, plusMs } from '@meseta/model';
import type { Effect } from './effect';
import { forgetTask } from './records';
import type { AgentState, StatusRecord, TaskRecord } from './state';
import type { Reason, Source } from './status';
import { uuidAt } from './status';

/** An update that is not acknowledged is sent again after this long, then after twice as long, and so on (T22). */
export const retryMinMs = 10_000;
export const retryMaxMs = 600_000;

/** What is new about a task. */
export interface News {
  readonly state: TaskState;
  readonly source: Source;
  readonly reason?: Reason;
  readonly message?: string;
  readonly limitation?: StatusRecord['limitation'];
  readonly data?: string;
  readonly given?: StatusRecord['given'];
  /** A custom executor's own; others are made here. */
  readonly uuid?: string;
}

/** Puts a status at the end of the task's queue; it is sent at once if it is the first (T21). */
export function report(state: AgentState, task: TaskRecord, news: News, now: Instant): Effect[] {
  assert(mayFollow(task.state, news.state), `task ${task.key} goes from ${task.state} to ${news.state}`);
  task.state = news.state;
  if (isTerminal(news.state)) task.phase = 'ended';
  const status: StatusRecord = {
    ...news,
    uuid: news.uuid ?? uuidAt(task.containerId, task.statusesMade++),
    at: now,
    ...(task.healthy !== undefined && { healthy: task.healthy }),
    ...(task.checkStatus !== undefined && { checkStatus: task.checkStatus }),
  };
  remember(task, status);
  const note: Effect = {
    kind: 'note',
    level: 'info',
    message: news.message ?? 'task changed state',
    frameworkId: task.frameworkId,
    taskId: task.taskId,
    state: news.state,
    // A W3C traceparent is version-trace-span-flags.
    ...(task.traceparent === '' ? {} : { traceId: task.traceparent.slice(3, 35) }),
  };
  task.updates.push(status);
  state.unacknowledged++;
  const effects: Effect[] = [{ kind: 'saveTask', key: task.key }, note];
  if (task.updates.length === 1) effects.push(...send(state, task, now));
  return effects;
}

/** The framework has seen an update: the next one is due. Anything but the uuid in flight is ignored (T23). */
export function acknowledge(state: AgentState, task: TaskRecord, uuid: string, now: Instant): Effect[] {
  if (task.updates[0]?.uuid !== uuid) return [];
  task.updates.shift();
  state.unacknowledged--;
  task.sent = 0;
  task.retryAt = undefined;
  if (task.updates.length > 0) return [{ kind: 'saveTask', key: task.key }, ...send(state, task, now)];
  return task.phase === 'ended' ? forgetTask(state, task) : [{ kind: 'saveTask', key: task.key }];
}

/** Sends everything that waits for an acknowledgement at once (T28, T29), and counts its retries from the start again. */
export function resend(state: AgentState, tasks: Iterable<TaskRecord>, now: Instant): Effect[] {
  const effects: Effect[] = [];
  for (const task of tasks) {
    task.sent = 0;
    if (task.updates.length > 0) effects.push(...send(state, task, now));
  }
  return effects;
}

/** A retry has come due; late ones, for updates acknowledged since, are nothing. */
export function retry(state: AgentState, task: TaskRecord | undefined, at: Instant, now: Instant): Effect[] {
  if (task === undefined || task.retryAt !== at || task.updates.length === 0) return [];
  return send(state, task, now);
}

/** While there is no master that took us in, nothing is sent and no time runs. */
function send(state: AgentState, task: TaskRecord, now: Instant): Effect[] {
  const status = task.updates[0];
  task.retryAt = undefined;
  if (status === undefined || state.session?.registered !== true) return [];
  task.sent++;
  const waitMs = retryDelayMs(task.sent);
  task.retryAt = plusMs(now, waitMs);
  state.deadlines.add({ at: task.retryAt, kind: 'retry', key: task.key });
  return [
    {
      kind: 'status',
      frameworkId: task.frameworkId,
      taskId: task.taskId,
      status,
      latestState: task.state,
      traceparent: task.traceparent,
      key: task.key,
      attempt: task.sent,
    },
  ];
}

/** How long an acknowledgement is waited for after an update was sent for the `sent`th time. */
export function retryDelayMs(sent: number): number {
  return Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(sent - 1, 30));
}

/** Keeps the newest status of each state, without data (T31). */
function remember(task: TaskRecord, { data: _, ...status }: StatusRecord): void {
  const at = task.history.findIndex((known) => known.state === status.state);
  if (at >= 0) task.history.splice(at, 1);
  task.history.push(status);
}
