import { isTerminal, taskId as asTaskId, type ExecutorId } from '@meseta/model';
import type { AgentRegistration, Command, ExecutorShutdown, MessageToExecutor } from './command';
import { addExecutor, removeExecutor } from './ledger';
import { executorKey, type Agent, type Executor, type Framework } from './state';
import { recover } from './tasks';
import { observe, order, tell, type Turn } from './turn';

/** MESSAGE of a framework (S107): best effort. */
export function sendToExecutor(turn: Turn, framework: Framework, message: MessageToExecutor): void {
  const agent = turn.state.agents.get(message.agentId);
  if (agent?.session === undefined) return observe(turn, { kind: 'ignored', what: 'message' });
  order(turn, agent, {
    $case: 'frameworkMessage',
    value: {
      frameworkId: { value: framework.id },
      executorId: { value: message.executorId },
      data: message.data as Buffer,
    },
  });
}

/** MESSAGE of an executor (S108): best effort. */
export function stepExecutorMessage(
  turn: Turn,
  command: Extract<Command, { kind: 'executorMessage' }>,
): void {
  const agent = turn.state.agents.get(command.agentId);
  const framework = turn.state.frameworks.get(command.frameworkId);
  if (agent?.session !== command.session || framework?.membership !== 'active')
    return observe(turn, { kind: 'ignored', what: 'message' });
  const { agentId, executorId, data } = command;
  tell(turn, framework, { kind: 'message', agentId, executorId, data });
}

/** SHUTDOWN (S102): the agent ends the executor; what became of its tasks comes as updates. */
export function shutdownExecutor(
  turn: Turn,
  framework: Framework,
  { agentId, executorId }: ExecutorShutdown,
): void {
  const agent = turn.state.agents.get(agentId);
  if (agent?.session === undefined || !hasExecutor(agent, framework, executorId))
    return observe(turn, { kind: 'ignored', what: 'shutdown' });
  order(turn, agent, {
    $case: 'shutdownExecutor',
    value: { frameworkId: { value: framework.id }, executorId: { value: executorId } },
  });
}

/** The executor of a command task is its agent's, and has the task's id (E37). */
function hasExecutor(agent: Agent, framework: Framework, executorId: ExecutorId): boolean {
  if (agent.executors.has(executorKey(framework.id, executorId))) return true;
  const task = framework.tasks.get(asTaskId(executorId));
  return task?.agentId === agent.id && task.executorId === undefined && !isTerminal(task.state);
}

/** An executor is no more (S110): what it held is free, and its framework hears of it. */
export function stepExecutorEnded(turn: Turn, command: Extract<Command, { kind: 'executorEnded' }>): void {
  const agent = turn.state.agents.get(command.agentId);
  const executor = agent?.executors.get(executorKey(command.frameworkId, command.executorId));
  if (agent === undefined || agent.session !== command.session || executor === undefined)
    return observe(turn, { kind: 'ignored', what: 'executorEnded' });
  endExecutor(turn, agent, executor);
  const framework = turn.state.frameworks.get(command.frameworkId);
  if (framework === undefined) return;
  tell(turn, framework, {
    kind: 'executorFailure',
    agentId: agent.id,
    executorId: executor.id,
    status: command.status,
  });
}

/** What a returning agent says of its executors: those it does not mention have ended. */
export function mergeExecutors(turn: Turn, agent: Agent, registration: AgentRegistration): void {
  forgetExecutors(agent);
  for (const { executorId, frameworkId, info, role, resources } of registration.executors) {
    addExecutor(agent, { id: executorId, frameworkId, agentId: agent.id, info, role, resources });
    if (!turn.state.frameworks.has(frameworkId))
      order(turn, agent, { $case: 'shutdownFramework', value: { frameworkId: { value: frameworkId } } });
  }
}

/** Forgets the executors of an agent that is not counted any more. */
export function forgetExecutors(agent: Agent): void {
  for (const executor of [...agent.executors.values()]) removeExecutor(agent, executor);
}

/** The ids of a framework's executors on an agent. */
export function executorsOf(agent: Agent, framework: Framework): readonly Executor[] {
  return [...agent.executors.values()].filter((one) => one.frameworkId === framework.id);
}

function endExecutor(turn: Turn, agent: Agent, executor: Executor): void {
  removeExecutor(agent, executor);
  if (!executor.resources.isEmpty) recover(turn, executor);
}
