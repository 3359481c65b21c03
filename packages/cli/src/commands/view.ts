import type { OperatorClient } from '@meseta/sdk';
import type { AgentStatus, Task, TaskStatus, master as v1 } from '@meseta/protocol';

/** A task in the operator's lists, with what people call things. */
export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly task: Task;
  /** Whether it has ended. */
  readonly completed: boolean;
}

/** A framework in the operator's lists. */
export interface FrameworkRow {
  readonly id: string;
  readonly name: string;
  readonly framework: v1.Response_GetFrameworks_Framework;
  readonly completed: boolean;
}

/** An agent in the operator's lists. */
export interface AgentRow {
  readonly id: string;
  /** Its machine's name. */
  readonly name: string;
  readonly status: AgentStatus;
  /** Unset while it is not registered. */
  readonly agent: v1.Response_GetAgents_Agent | undefined;
}

/** The tasks of an answer, those that live first. */
export function taskRows(tasks: v1.Response_GetTasks | undefined): TaskRow[] {
  const row = (completed: boolean) => (task: Task) => ({
    id: task.taskId?.value ?? '',
    name: task.name ?? '',
    task,
    completed,
  });
  const {
    pendingTasks = [],
    tasks: active = [],
    unreachableTasks = [],
    orphanTasks = [],
    completedTasks = [],
  } = tasks ?? {};
  return [
    ...[...pendingTasks, ...active, ...unreachableTasks, ...orphanTasks].map(row(false)),
    ...completedTasks.map(row(true)),
  ];
}

/** The frameworks of an answer, those that live first. */
export function frameworkRows(frameworks: v1.Response_GetFrameworks | undefined): FrameworkRow[] {
  const row = (completed: boolean) => (framework: v1.Response_GetFrameworks_Framework) => ({
    id: framework.frameworkInfo?.id?.value ?? '',
    name: framework.frameworkInfo?.name ?? '',
    framework,
    completed,
  });
  return [
    ...(frameworks?.frameworks ?? []).map(row(false)),
    ...(frameworks?.completedFrameworks ?? []).map(row(true)),
  ];
}

/** Every agent that is known, registered or not. */
export async function agentRows(operator: OperatorClient): Promise<AgentRow[]> {
  const { agents, statuses } = await operator.agents();
  const registered = new Map(agents?.agents.map((agent) => [agent.agentInfo?.id?.value ?? '', agent]));
  return statuses.map((status) => {
    const id = status.agentId?.value ?? '';
    return { id, name: status.agentInfo?.hostname ?? '', status, agent: registered.get(id) };
  });
}

/** The newest status of a task, if it had one. */
export function lastStatus(task: Task): TaskStatus | undefined {
  return task.statuses.reduce<TaskStatus | undefined>(
    (latest, status) =>
      latest === undefined || (status.timestamp ?? 0) >= (latest.timestamp ?? 0) ? status : latest,
    undefined,
  );
}

/** A map from id to name, to show names where an answer has ids. */
export function namesOf(
  rows: readonly { readonly id: string; readonly name: string }[],
): (id: string | undefined) => string {
  const names = new Map(rows.map((row) => [row.id, row.name]));
  return (id) => (id === undefined ? '-' : names.get(id) || id);
}
