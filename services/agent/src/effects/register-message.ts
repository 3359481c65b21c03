import {
  AgentInfo_Capability_Type,
  containerWithoutSecrets,
  ExecutorInfo,
  executorWithoutSecrets,
  healthCheckWithoutSecrets,
  resourcesToProto,
  taskStateToProto,
  type AgentInfo,
  type internal,
  type Task,
} from '@meseta/protocol';
import type { AgentState, ExecutorRecord, TaskRecord } from '../state/state';
import { operationToProto } from './operation-message';
import { statusContainerOf, statusToProto, type StatusContext } from './status-message';

/** What does not change while the agent runs. */
export interface Identity {
  readonly info: Omit<AgentInfo, 'id'>;
  readonly version: string;
  readonly grpcAddress: string;
  readonly httpAddress: string;
}

/** What this agent can do, of what a master may ask whether it can. */
const capabilities: readonly AgentInfo_Capability_Type[] = [
  AgentInfo_Capability_Type.MULTI_ROLE,
  AgentInfo_Capability_Type.HIERARCHICAL_ROLE,
  AgentInfo_Capability_Type.RESERVATION_REFINEMENT,
  AgentInfo_Capability_Type.TASK_RESOURCE_LIMITS,
  AgentInfo_Capability_Type.AGENT_OPERATION_FEEDBACK,
  AgentInfo_Capability_Type.RESIZE_VOLUME,
  AgentInfo_Capability_Type.AGENT_DRAINING,
];

/** How the agent introduces itself: with every task that it still answers for. */
export function registerMessage(
  state: AgentState,
  identity: Identity,
  context: StatusContext,
): internal.AgentMessage {
  const { info, version, grpcAddress, httpAddress } = identity;
  // A task whose framework is gone is nobody's any more, and ends without a word.
  const tasks = [...state.tasks.values()];
  const executors = [...state.executors.values()].filter(
    ({ phase, tasks: records }) => phase !== 'ended' || records.size > 0,
  );
  const frameworks = new Set([...tasks, ...executors].map(({ frameworkId }) => frameworkId));
  return {
    message: {
      $case: 'register',
      value: {
        agentInfo: { ...info, ...(state.agentId !== undefined && { id: { value: state.agentId } }) },
        version,
        capabilities: capabilities.map((type) => ({ type })),
        grpcAddress,
        httpAddress,
        cluster: state.cluster,
        tasks: tasks.map((task) => taskToProto(state, task, context)),
        frameworks: [...frameworks].flatMap((id) => state.frameworks.get(id)?.info ?? []),
        taskInfos: tasks.map((task) => task.info),
        checkpointedResources: state.resourcesChanged ? resourcesToProto(state.resources) : [],
        executors: executors.map(({ info, frameworkId }) => ({
          ...info,
          frameworkId: { value: frameworkId },
        })),
        operations: [...state.operations.values()].map((one) => operationToProto(one, state.agentId)),
        oversubscribedResources: resourcesToProto(state.oversubscribed),
      },
    },
  };
}

/** A task as the master and operators see it. */
export function taskToProto(state: AgentState, task: TaskRecord, context: StatusContext): Task {
  const { info } = task;
  const { agentId } = state;
  const container = statusContainerOf(state, task);
  const pending = task.updates[0];
  return {
    name: info.name,
    taskId: { value: task.taskId },
    frameworkId: { value: task.frameworkId },
    ...(task.executor !== undefined && { executorId: { value: container.executorId } }),
    ...(agentId !== undefined && { agentId: { value: agentId } }),
    state: taskStateToProto(task.state),
    resources: info.resources,
    statuses: task.history.map((status) => statusToProto(task.taskId, status, container, context)),
    ...(pending !== undefined && {
      statusUpdateState: taskStateToProto(pending.state),
      statusUpdateUuid: Buffer.from(pending.uuid, 'hex'),
    }),
    labels: info.labels,
    discovery: info.discovery,
    container: containerWithoutSecrets(info.container),
    healthCheck: healthCheckWithoutSecrets(info.healthCheck),
    killPolicy: info.killPolicy,
    user: info.command?.user,
    limits: info.limits,
  };
}

/** An executor as it may be shown. */
export function executorToProto({ info, frameworkId }: ExecutorRecord): ExecutorInfo {
  return { ...executorWithoutSecrets(info), frameworkId: { value: frameworkId } };
}

/** The executor that a command has for itself, and that the agent plays (E28). */
export function commandExecutor({ taskId, frameworkId, info }: TaskRecord): ExecutorInfo {
  return executorWithoutSecrets(
    ExecutorInfo.fromPartial({
      executorId: { value: taskId },
      frameworkId: { value: frameworkId },
      name: `Command Executor (Task: ${taskId})`,
      source: taskId,
      command: info.command,
      container: info.container,
      labels: info.labels,
    }),
  );
}
