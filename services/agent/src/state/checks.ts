import type { Instant } from '@meseta/model';
import { plusMs } from '@meseta/model';
import type { CheckInfo, HealthCheck, TaskInfo } from '@meseta/protocol';
import type { CheckAnswer, CheckName, CheckProgress } from './check-record';
import type { Command } from './command';
import type { Effect } from './effect';
import { graceOf, kill } from './kills';
import type { AgentState, TaskRecord } from './state';
import { report } from './status-updates';

/** What a check or health check that does not say is given (T70, T72). Seconds. */
const delayDefault = 15;
const intervalDefault = 10;
export const timeoutDefault = 20;
const graceDefault = 10;
/** How many failures in a row kill a task whose health check does not say. */
const consecutiveFailuresDefault = 3;

/** The answer of a check that was not asked yet: of its type and empty, so that it is seen that there is one (T71). */
export function firstAnswer({ check }: TaskInfo): CheckAnswer | undefined {
  const type = check?.type as string | undefined;
  return type === 'COMMAND' || type === 'HTTP' || type === 'TCP' ? { type } : undefined;
}

/** A task runs: its questions are asked after their delay, and again and again. */
export function startChecks(state: AgentState, task: TaskRecord, now: Instant): void {
  plan(state, task, 'check', (task.info.check?.delaySeconds ?? delayDefault) * 1000, now);
  plan(state, task, 'health', (task.info.healthCheck?.delaySeconds ?? delayDefault) * 1000, now);
}

/** The agent was restarted: the questions go on where they were, with failures counted anew, as none was counted meanwhile (T79). */
export function resumeChecks(state: AgentState, task: TaskRecord, now: Instant): void {
  plan(state, task, 'check', intervalMsOf(task, 'check'), now);
  plan(state, task, 'health', intervalMsOf(task, 'health'), now);
}

/** A question may be due; one of a task that is to end is not asked. */
export function askIfDue(task: TaskRecord | undefined, which: CheckName, at: Instant): Effect[] {
  const progress = task?.[which];
  if (task === undefined || progress === undefined || progress.askAt !== at) return [];
  progress.askAt = undefined;
  if (task.phase !== 'running' || task.kill !== undefined) return [];
  return [{ kind: 'probe', key: task.key, which, attempt: ++progress.attempt }];
}

/** A question was answered, or not in time. */
export function stepProbed(
  state: AgentState,
  { key, which, attempt, result }: Command & { kind: 'probed' },
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  const progress = task?.[which];
  if (task === undefined || progress === undefined || progress.attempt !== attempt) return [];
  if (task.phase !== 'running' || task.kill !== undefined || progress.askAt !== undefined) return [];
  plan(state, task, which, intervalMsOf(task, which), now);
  const answer = result.kind === 'answered' ? result.answer : undefined;
  if (which === 'check') return answered(state, task, answer, now);
  const judged = answer === undefined ? { well: false, why: failedWhy(result) } : judge(answer);
  return judged.well ? healthy(state, task, now) : unhealthy(state, task, progress, judged.why, now);
}

/** A check is told of when its answer changes (T71). */
function answered(
  state: AgentState,
  task: TaskRecord,
  answer: CheckAnswer | undefined,
  now: Instant,
): Effect[] {
  const is = answer ?? firstAnswer(task.info);
  if (is === undefined || JSON.stringify(is) === JSON.stringify(task.checkStatus)) return [];
  task.checkStatus = is;
  return report(
    state,
    task,
    { state: task.state, source: 'EXECUTOR', reason: 'TASK_CHECK_STATUS_UPDATED' },
    now,
  );
}

/** Health is told of when it is well for the first time, or again. */
function healthy(state: AgentState, task: TaskRecord, now: Instant): Effect[] {
  if (task.health !== undefined) task.health.failures = 0;
  if (task.healthy === true) return [];
  task.healthy = true;
  const reason = 'TASK_HEALTH_CHECK_STATUS_UPDATED';
  return report(state, task, { state: task.state, source: 'EXECUTOR', reason }, now);
}

/** Every failure is told of, and so many in a row kill (T73, T74). Those of a task that is still coming up do not count. */
function unhealthy(
  state: AgentState,
  task: TaskRecord,
  progress: CheckProgress,
  why: string,
  now: Instant,
): Effect[] {
  const { gracePeriodSeconds = graceDefault, consecutiveFailures = consecutiveFailuresDefault } =
    task.info.healthCheck ?? {};
  const graceEnd = plusMs(task.startedAt ?? task.launchedAt, gracePeriodSeconds * 1000);
  if (task.healthy !== true && progress.failures === 0 && now < graceEnd) return [];
  progress.failures++;
  task.healthy = false;
  const news = {
    state: task.state,
    source: 'EXECUTOR',
    reason: 'TASK_HEALTH_CHECK_STATUS_UPDATED',
    message: why,
  } as const;
  const effects = report(state, task, news, now);
  if (consecutiveFailures === 0 || progress.failures < consecutiveFailures) return effects;
  return [...effects, ...kill(state, task, 'unhealthy', graceOf(task.info), now)];
}

/** Redirections were followed: what is left of 300 to 399 counts as well (T76). */
function judge(answer: CheckAnswer): { readonly well: boolean; readonly why: string } {
  switch (answer.type) {
    case 'COMMAND':
      return {
        well: answer.exitCode === 0,
        why: `The health check's command exited with ${answer.exitCode}`,
      };
    case 'HTTP': {
      const status = answer.statusCode ?? 0;
      return { well: status >= 200 && status < 400, why: `The health check was answered with ${status}` };
    }
    case 'TCP':
      return { well: answer.succeeded === true, why: 'The health check could not connect' };
  }
}

function failedWhy(result: (Command & { kind: 'probed' })['result']): string {
  return result.kind === 'failed' ? `The health check failed: ${result.message}` : '';
}

function plan(state: AgentState, task: TaskRecord, which: CheckName, inMs: number, now: Instant): void {
  if (checkOf(task, which) === undefined || task.runtime === '') return;
  const at = plusMs(now, Math.max(0, inMs));
  const progress = (task[which] ??= { attempt: 0, askAt: undefined, failures: 0 });
  progress.askAt = at;
  state.deadlines.add({ at, kind: which, key: task.key });
}

function intervalMsOf(task: TaskRecord, which: CheckName): number {
  return (checkOf(task, which)?.intervalSeconds ?? intervalDefault) * 1000;
}

/** The description of a check. */
export function checkOf({ info }: TaskRecord, which: CheckName): CheckInfo | HealthCheck | undefined {
  return which === 'check' ? info.check : info.healthCheck;
}
