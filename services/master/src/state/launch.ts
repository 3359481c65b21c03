import { assert, isFailure, type Resources, type Failure } from '@meseta/model';
import type { Acceptance } from './accept';
import type { ExecutorToLaunch, OfferOperation, TaskToLaunch } from './command';
import { addExecutor, addTask, takeFrom } from './ledger';
import { executorKey, type Executor, type Task } from './state';
import { refuseLaunch } from './tasks';
import { observe, tellOperators } from './turn';
import { validateTask } from './validation/task';

/** LAUNCH (S71): each task is checked alone; an invalid one is told and takes nothing, the others run. */
export function launchEach(
  acceptance: Acceptance,
  { id, tasks }: Extract<OfferOperation, { kind: 'launch' }>,
): void {
  for (const task of tasks) {
    if (id === undefined) launch(acceptance, task);
    else refuse(acceptance, task, 'operations.id must not be set for LAUNCH');
  }
}

function launch(acceptance: Acceptance, wanted: TaskToLaunch): void {
  const { turn, framework, agent, offer, pool } = acceptance;
  const refused = validateTask(wanted, { framework, agent, pool, role: offer.role });
  if (refused !== undefined) return refuse(acceptance, wanted, refused.message);
  const executor = wanted.executor === undefined ? undefined : startExecutor(acceptance, wanted.executor);
  const task = startTask(acceptance, wanted);
  assert(agent.session !== undefined, `agent ${agent.id} of an offer is connected`);
  turn.effects.push({
    kind: 'launch',
    session: agent.session,
    framework,
    task,
    executor,
    offerId: offer.id,
  });
}

/** Enters a task in the ledger. */
export function startTask(acceptance: Acceptance, wanted: TaskToLaunch): Task {
  const { turn, framework, agent, offer } = acceptance;
  const task: Task = {
    id: wanted.taskId,
    frameworkId: framework.id,
    agentId: agent.id,
    info: wanted.info,
    executorId: wanted.executor?.executorId,
    role: offer.role,
    resources: valid(wanted.resources),
    state: 'TASK_STAGING',
    toldState: undefined,
    updateState: undefined,
    statuses: [],
    unacknowledged: undefined,
    killPending: undefined,
    orphaned: false,
    denied: false,
    unreachableSince: undefined,
    allocatedAt: offer.allocatedAt,
    launchedAt: turn.now,
  };
  framework.tasks.set(task.id, task);
  addTask(agent, task);
  acceptance.pool = takeFrom(acceptance.pool, task.resources);
  observe(turn, { kind: 'taskState', task, from: undefined, to: task.state });
  tellOperators(turn, { kind: 'taskAdded', task });
  return task;
}

/** The executor on the agent: the one that runs there, or a new one, entered in the ledger. */
export function startExecutor(acceptance: Acceptance, wanted: ExecutorToLaunch): Executor {
  const { framework, agent, offer } = acceptance;
  const known = agent.executors.get(executorKey(framework.id, wanted.executorId));
  if (known !== undefined) return known;
  const executor: Executor = {
    id: wanted.executorId,
    frameworkId: framework.id,
    agentId: agent.id,
    info: { ...wanted.info, frameworkId: { value: framework.id } },
    role: offer.role,
    resources: valid(wanted.resources),
  };
  addExecutor(agent, executor);
  acceptance.pool = takeFrom(acceptance.pool, executor.resources);
  return executor;
}

function refuse(
  { turn, framework, agent, offer }: Acceptance,
  { taskId }: TaskToLaunch,
  message: string,
): void {
  refuseLaunch(turn, framework, [offer.id], {
    taskId,
    agentId: agent.id,
    state: 'TASK_ERROR',
    reason: 'REASON_TASK_INVALID',
    message,
  });
}

function valid(resources: Resources | Failure): Resources {
  assert(!isFailure(resources), 'resources that could not be read were refused');
  return resources;
}
