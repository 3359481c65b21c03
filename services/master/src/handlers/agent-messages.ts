// What agents say, as commands: read here, and refused here if it cannot be.

import { failure, isFailure, operationId, type AgentId, type Failure, type Resources } from '@meseta/model';
import {
  AgentInfo_Capability_Type,
  attributesFromProto,
  domainFromProto,
  operationStateFromProto,
  resourcesFromProto,
  taskStateFromProto,
  type ExecutorInfo,
  type Operation,
  type Resource,
  type internal,
} from '@meseta/protocol';
import type { Command, ReportedExecutor, ReportedOperation, ReportedTask } from '../state/command';
import type { SessionId } from '../state/state';
import { agentIfNamed, agentOf, descriptionOf, executorOf, frameworkOf, taskOf } from './read';

/** One message of a registered agent; undefined for a kind that this master does not know. */
export function agentCommandOf(
  message: internal.AgentMessage['message'],
  session: SessionId,
  agentId: AgentId,
): Command | Failure | undefined {
  switch (message?.$case) {
    case 'pong':
      return { kind: 'pong', session, agentId, sequence: Number(message.value.sequence) };
    case 'statusUpdate':
      return statusUpdateOf(message.value, session, agentId);
    case 'unregister':
      return { kind: 'agentUnregister', session, agentId, reason: message.value.reason };
    case 'operationUpdate':
      return operationUpdateOf(message.value, session, agentId);
    case 'executorMessage': {
      const { frameworkId, executorId, data } = message.value;
      return {
        kind: 'executorMessage',
        session,
        agentId,
        frameworkId: frameworkOf(frameworkId),
        executorId: executorOf(executorId),
        data,
      };
    }
    case 'executorEnded': {
      const { frameworkId, executorId, status } = message.value;
      return {
        kind: 'executorEnded',
        session,
        agentId,
        frameworkId: frameworkOf(frameworkId),
        executorId: executorOf(executorId),
        status,
      };
    }
    case 'resourcesChanged':
      return resourcesChangedOf(message.value, session, agentId);
    case 'register':
    case undefined:
      return undefined;
  }
}

/**
 * Without these an agent could not be offered to any framework: Mesos keeps agents that lack them from some (A11), and for us each framework has roles in
 * a tree and refined reservations.
 */
const capabilitiesNeeded: readonly AgentInfo_Capability_Type[] = [
  AgentInfo_Capability_Type.MULTI_ROLE,
  AgentInfo_Capability_Type.HIERARCHICAL_ROLE,
  AgentInfo_Capability_Type.RESERVATION_REFINEMENT,
];

/** What an agent says of itself when its stream begins. A failure names the field and the rule. */
export function registrationOf(
  register: internal.Register,
  session: SessionId,
): Extract<Command, { kind: 'agentRegister' }> | Failure {
  const info = register.agentInfo;
  if (info === undefined)
    return failure('invalid', 'register.agent_info must be set', { field: 'register.agent_info' });
  if ((info.hostname ?? '') === '')
    return failure('invalid', 'register.agent_info.hostname must not be empty', {
      field: 'register.agent_info.hostname',
    });
  const capabilities = register.capabilities.flatMap(({ type }) => (type === undefined ? [] : [type]));
  const missing = capabilitiesNeeded.filter((one) => !capabilities.includes(one));
  if (missing.length > 0)
    return failure('conflict', `register.capabilities must include ${missing.join(', ')}`, {
      field: 'register.capabilities',
    });
  // What operations have made of the agent's own resources, if any ever did.
  const own = register.checkpointedResources.length > 0 ? register.checkpointedResources : info.resources;
  const total = plainResourcesOf(own);
  if (isFailure(total)) return total;
  const oversubscribed = plainResourcesOf(register.oversubscribedResources);
  if (isFailure(oversubscribed)) return oversubscribed;
  const attributes = attributesFromProto(info.attributes);
  if (isFailure(attributes)) return attributes;
  const domain = domainFromProto('register.agent_info.domain', info.domain);
  if (isFailure(domain)) return domain;
  const tasks: ReportedTask[] = [];
  for (let i = 0; i < register.tasks.length; i++) {
    const task = reportedTaskOf(register, i);
    if (isFailure(task)) return task;
    tasks.push(task);
  }
  const executors = readEach(register.executors, reportedExecutorOf);
  if (isFailure(executors)) return executors;
  const operations = readEach(register.operations, reportedOperationOf);
  if (isFailure(operations)) return operations;
  return {
    kind: 'agentRegister',
    session,
    agentId: agentIfNamed(info.id),
    info,
    cluster: register.cluster,
    version: register.version,
    capabilities,
    grpcAddress: register.grpcAddress,
    httpAddress: register.httpAddress,
    total,
    oversubscribed,
    attributes,
    domain,
    tasks,
    executors,
    operations,
    frameworks: register.frameworks.map((info) => descriptionOf(info)),
  };
}

function reportedTaskOf(register: internal.Register, at: number): ReportedTask | Failure {
  const task = register.tasks[at];
  const info = register.taskInfos[at];
  if (task === undefined || info === undefined)
    return failure('invalid', 'register.task_infos must be as many as register.tasks', {
      field: 'register.task_infos',
    });
  const resources = resourcesFromProto(info.resources);
  if (isFailure(resources)) return resources;
  const state = taskStateFromProto(task.state);
  if (isFailure(state)) return state;
  return {
    taskId: taskOf(task.taskId),
    frameworkId: frameworkOf(task.frameworkId),
    task,
    info,
    executorId: (task.executorId?.value ?? '') === '' ? undefined : executorOf(task.executorId),
    role: resources.entries[0]?.allocationRole ?? '*',
    resources: resources.unallocate(),
    state,
  };
}

function reportedExecutorOf(info: ExecutorInfo): ReportedExecutor | Failure {
  const resources = resourcesFromProto(info.resources);
  if (isFailure(resources)) return resources;
  return {
    executorId: executorOf(info.executorId),
    frameworkId: frameworkOf(info.frameworkId),
    info,
    role: resources.entries[0]?.allocationRole ?? '*',
    resources: resources.unallocate(),
  };
}

function reportedOperationOf(operation: Operation): ReportedOperation | Failure {
  const { info, uuid, latestStatus } = operation;
  if (info === undefined || uuid?.value === undefined)
    return failure('invalid', 'register.operations must have info and uuid', {
      field: 'register.operations',
    });
  const state = operationStateFromProto(latestStatus?.state);
  if (isFailure(state)) return state;
  return {
    uuid: uuid.value.toString('hex'),
    id: (info.id?.value ?? '') === '' ? undefined : operationId(info.id?.value ?? ''),
    frameworkId: (operation.frameworkId?.value ?? '') === '' ? undefined : frameworkOf(operation.frameworkId),
    info,
    state,
  };
}

function readEach<From, To>(
  listed: readonly From[],
  read: (one: From) => To | Failure,
): readonly To[] | Failure {
  const result: To[] = [];
  for (const one of listed) {
    const value = read(one);
    if (isFailure(value)) return value;
    result.push(value);
  }
  return result;
}

function plainResourcesOf(listed: readonly Resource[]): Resources | Failure {
  const resources = resourcesFromProto(listed);
  return isFailure(resources) ? resources : resources.unallocate();
}

function operationUpdateOf(
  update: internal.OperationUpdate,
  session: SessionId,
  agentId: AgentId,
): Command | Failure {
  const { status, operationUuid } = update;
  if (status === undefined || operationUuid?.value === undefined)
    return failure('invalid', 'operation_update must have operation_uuid and status', {
      field: 'operation_update',
    });
  const state = operationStateFromProto(status.state);
  if (isFailure(state)) return state;
  const latestState = operationStateFromProto(update.latestState);
  return {
    kind: 'operationUpdate',
    session,
    agentId,
    operationUuid: operationUuid.value.toString('hex'),
    status: { ...status, agentId: { value: agentId } },
    state,
    latestState: isFailure(latestState) ? state : latestState,
    uuid: status.uuid?.value?.toString('hex') ?? '',
  };
}

function resourcesChangedOf(
  changed: internal.ResourcesChanged,
  session: SessionId,
  agentId: AgentId,
): Command | Failure {
  const total = changed.total.length === 0 ? undefined : plainResourcesOf(changed.total);
  if (isFailure(total)) return total;
  const oversubscribed = plainResourcesOf(changed.oversubscribed);
  if (isFailure(oversubscribed)) return oversubscribed;
  return { kind: 'agentResources', session, agentId, total, oversubscribed };
}

function statusUpdateOf(
  update: internal.StatusUpdate,
  session: SessionId,
  agentId: AgentId,
): Command | Failure {
  const { status } = update;
  if (status === undefined)
    return failure('invalid', 'status_update.status must be set', { field: 'status_update.status' });
  const state = taskStateFromProto(status.state);
  if (isFailure(state)) return state;
  const latestState = taskStateFromProto(update.latestState);
  return {
    kind: 'statusUpdate',
    session,
    agentId,
    frameworkId: frameworkOf(update.frameworkId),
    taskId: taskOf(status.taskId),
    status: { ...status, agentId: status.agentId ?? { value: agentOf({ value: agentId }) } },
    state,
    latestState: isFailure(latestState) ? state : latestState,
    uuid: status.uuid?.toString('hex') ?? '',
    traceparent: update.traceparent,
  };
}
