import {
  taskStateToProto,
  type Task as ProtoTask,
  type TaskInfo,
  type TaskStatus,
  type TaskStatus_Reason,
  TaskStatus_Source,
} from '@meseta/protocol';
import { containerWithoutSecrets, healthCheckWithoutSecrets, resourcesToProto } from '@meseta/protocol';
import type { MadeStatus } from '../state/effect';
import type { Executor, Task } from '../state/state';
import { executorToProto } from './executors';
import { allocatedResources, fullDialect } from './resources';
import { timeInfo } from './times';

/** A task as operators see it. */
export function taskToProto(task: Task): ProtoTask {
  return {
    name: task.info.name,
    taskId: { value: task.id },
    frameworkId: { value: task.frameworkId },
    ...(task.executorId !== undefined && { executorId: { value: task.executorId } }),
    agentId: { value: task.agentId },
    state: taskStateToProto(task.state),
    resources: allocatedResources(task.resources, task.role, fullDialect),
    statuses: task.statuses,
    statusUpdateState:
      task.unacknowledged === undefined ? undefined : taskStateToProto(task.unacknowledged.state),
    statusUpdateUuid:
      task.unacknowledged === undefined ? undefined : Buffer.from(task.unacknowledged.uuid, 'hex'),
    labels: task.info.labels,
    discovery: task.info.discovery,
    container: containerWithoutSecrets(task.info.container),
    healthCheck: healthCheckWithoutSecrets(task.info.healthCheck),
    killPolicy: task.info.killPolicy,
    user: task.info.command?.user,
    limits: task.info.limits,
  };
}

/** A task as its agent gets it: its resources, and its executor's, carry the role they are allocated to (S60). */
export function taskInfoToLaunch(task: Task, executor: Executor | undefined): TaskInfo {
  return {
    ...task.info,
    resources: resourcesToProto(task.resources.allocate(task.role)),
    ...(executor !== undefined && { executor: executorToProto(executor) }),
  };
}

/** A status in the master's own words; what is known of health and container is repeated from the agent's last (T50). */
export function madeStatusToProto(status: MadeStatus): TaskStatus {
  return {
    taskId: { value: status.taskId },
    state: taskStateToProto(status.state),
    message: status.message,
    source: TaskStatus_Source.MASTER,
    // String enums hold their own names, so a name of the proto is a value of the enum.
    reason: status.reason as TaskStatus_Reason,
    agentId: status.agentId === undefined ? undefined : { value: status.agentId },
    executorId: status.like?.executorId,
    timestamp: status.at / 1000,
    healthy: status.like?.healthy,
    checkStatus: status.like?.checkStatus,
    labels: status.like?.labels,
    containerStatus: status.like?.containerStatus,
    unreachableTime: timeInfo(status.unreachableSince),
  };
}
