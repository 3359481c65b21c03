import { isTerminal, nanosecondsOf, type FrameworkId, type TaskId, type TaskState } from '@meseta/model';
import type { AgentRegistration, FrameworkDescription, ReportedTask } from './command';
import { addRecovered } from './frameworks';
import { addTask, releaseTask, removeTask } from './ledger';
import { holds, taskKey, type Agent, type Framework, type Task } from './state';
import { moveTask, tellMade } from './tasks';
import { commit, observe, order, tellOperators, type Turn } from './turn';

/**
 * What a returning agent says of its tasks replaces what the master believed (T42, T58): new ones are taken up, unreachable ones come back,
 * those of removed frameworks are ended, and those it does not mention are asked about.
 */
export function mergeTasks(turn: Turn, agent: Agent, registration: AgentRegistration): void {
  const reported = new Set<string>();
  const described = new Map<FrameworkId, FrameworkDescription>();
  for (const framework of registration.frameworks)
    if (framework.id !== undefined) described.set(framework.id, framework);
  const ended = new Set<FrameworkId>();
  for (const task of registration.tasks) {
    reported.add(taskKey(task.frameworkId, task.taskId));
    if (agent.dismissed) {
      endAgain(turn, agent, task);
      continue;
    }
    const framework = frameworkOf(turn, task.frameworkId, described.get(task.frameworkId));
    if (framework !== undefined) mergeTask(turn, agent, framework, task);
    else {
      ended.add(task.frameworkId);
      mergeOrphan(turn, agent, task);
    }
  }
  for (const frameworkId of ended)
    order(turn, agent, { $case: 'shutdownFramework', value: { frameworkId: { value: frameworkId } } });
  askAboutMissing(turn, agent, reported);
  sendPendingKills(turn, agent);
}

function frameworkOf(
  turn: Turn,
  id: FrameworkId,
  description: FrameworkDescription | undefined,
): Framework | undefined {
  const known = turn.state.frameworks.get(id);
  if (known !== undefined || description === undefined || turn.state.completedFrameworks.has(id))
    return known;
  commit(turn, {
    $case: 'putFramework',
    value: { frameworkInfo: description.info, registeredAtMs: BigInt(turn.now) },
  });
  return addRecovered(turn, { ...description, id }, turn.now);
}

function mergeTask(turn: Turn, agent: Agent, framework: Framework, reported: ReportedTask): void {
  const known = framework.tasks.get(reported.taskId);
  if (known !== undefined && known.agentId === agent.id) {
    affirm(agent, known);
    moveTask(turn, known, reported.state, undefined);
    return;
  }
  if (known !== undefined) return;
  const returning = framework.unreachable.get(reported.taskId);
  const task = returning ?? takeCompleted(framework, agent, reported.taskId) ?? makeTask(agent, reported);
  task.updateState = updateStateOf(reported.task);
  task.state = reported.state;
  task.unreachableSince = undefined;
  framework.unreachable.delete(task.id);
  framework.tasks.set(task.id, task);
  addTask(agent, task);
  observe(turn, {
    kind: 'taskState',
    task,
    from: returning === undefined ? undefined : 'TASK_UNREACHABLE',
    to: task.state,
  });
  tellOperators(
    turn,
    returning === undefined ? { kind: 'taskAdded', task } : { kind: 'taskUpdated', task, status: undefined },
  );
  if (returning === undefined || isTerminal(task.state)) return;
  const shown = task.updateState ?? task.state;
  task.toldState = shown;
  tellMade(turn, framework, {
    taskId: task.id,
    agentId: agent.id,
    state: shown,
    reason: 'REASON_AGENT_REREGISTERED',
    message: `Agent ${agent.hostname} came back`,
  });
}

/**
 * A task whose end its framework was told, and which was history when the agent went away before the acknowledgement came: it is taken up again, so
 * that nothing else is told of it.
 */
function takeCompleted(framework: Framework, agent: Agent, taskId: TaskId): Task | undefined {
  const at = framework.completed.findLastIndex((task) => task.id === taskId && task.agentId === agent.id);
  return at < 0 ? undefined : framework.completed.splice(at, 1)[0];
}

/** Its framework was told its end: it is killed, counts until it has ended, and nobody hears of it. */
function endAgain(turn: Turn, agent: Agent, reported: ReportedTask): void {
  mergeOrphan(turn, agent, reported);
  if (isTerminal(reported.state)) return;
  order(turn, agent, {
    $case: 'killTask',
    value: {
      frameworkId: { value: reported.frameworkId },
      taskId: { value: reported.taskId },
      killPolicy: undefined,
    },
  });
}

/** A task of a framework that is gone: it counts until it has ended. */
function mergeOrphan(turn: Turn, agent: Agent, reported: ReportedTask): void {
  const known = agent.tasks.get(taskKey(reported.frameworkId, reported.taskId));
  if (known !== undefined) {
    moveTask(turn, known, reported.state, undefined);
    return;
  }
  const task = makeTask(agent, reported);
  task.orphaned = true;
  addTask(agent, task);
}

/** The agent does not mention them: the order may be lost, or still on its way in an older session. It answers for each. */
function askAboutMissing(turn: Turn, agent: Agent, reported: ReadonlySet<string>): void {
  const missing: Task[] = [];
  for (const [key, task] of [...agent.tasks]) {
    if (reported.has(key)) continue;
    if (task.orphaned || isTerminal(task.state)) {
      removeTask(agent, task);
      if (isTerminal(task.state)) turn.state.frameworks.get(task.frameworkId)?.tasks.delete(task.id);
    } else {
      deny(agent, task);
      missing.push(task);
    }
  }
  if (missing.length === 0) return;
  const tasks = missing.map((task) => ({
    frameworkId: { value: task.frameworkId },
    taskId: { value: task.id },
  }));
  order(turn, agent, { $case: 'reconcileTasks', value: { tasks } });
}

/** The agent has the task after all. */
function affirm(agent: Agent, task: Task): void {
  if (!task.denied) return;
  removeTask(agent, task);
  task.denied = false;
  addTask(agent, task);
}

/** The agent registered without the task, so it holds nothing there; what became of it the agent will say. */
function deny(agent: Agent, task: Task): void {
  if (holds(task)) releaseTask(agent, task);
  task.denied = true;
}

function sendPendingKills(turn: Turn, agent: Agent): void {
  for (const task of agent.tasks.values()) {
    if (task.killPending === undefined) continue;
    const { graceMs } = task.killPending;
    task.killPending = undefined;
    if (isTerminal(task.state)) continue;
    order(turn, agent, {
      $case: 'killTask',
      value: {
        frameworkId: { value: task.frameworkId },
        taskId: { value: task.id },
        killPolicy: killPolicyOf(graceMs),
      },
    });
  }
}

/** The policy of a kill, unset when the task's own holds. */
export function killPolicyOf(
  graceMs: number | undefined,
): { gracePeriod: { nanoseconds: bigint } } | undefined {
  return graceMs === undefined ? undefined : { gracePeriod: { nanoseconds: nanosecondsOf(graceMs) } };
}

/** The first update that its framework has not acknowledged. */
function updateStateOf({ statusUpdateState }: ReportedTask['task']): TaskState | undefined {
  return statusUpdateState as TaskState | undefined;
}

function makeTask(
  agent: Agent,
  { taskId, frameworkId, task, info, executorId, role, resources, state }: ReportedTask,
): Task {
  return {
    id: taskId,
    frameworkId,
    agentId: agent.id,
    info,
    executorId,
    role,
    resources,
    state,
    toldState: undefined,
    updateState: updateStateOf(task),
    statuses: [...task.statuses],
    unacknowledged: undefined,
    killPending: undefined,
    orphaned: false,
    denied: false,
    unreachableSince: undefined,
    allocatedAt: undefined,
    launchedAt: undefined,
  };
}
