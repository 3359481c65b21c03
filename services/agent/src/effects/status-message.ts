import type { AgentId, ContainerId } from '@meseta/model';
import {
  taskStateToProto,
  TaskStatus_Reason,
  TaskStatus_Source,
  type ContainerStatus,
  type internal,
  type TaskStatus,
} from '@meseta/protocol';
import type { StatusOut } from '../state/effect';
import type { ContainerFacts, StatusRecord } from '../state/state';

/** What the agent adds to every status (T32). */
export interface StatusContext {
  readonly agentId: AgentId | undefined;
  /** Where a container without an address of its own is reached. */
  readonly agentIp: string;
}

/** A container, as far as statuses tell of it. */
export interface StatusContainer {
  readonly containerId: ContainerId;
  readonly container: ContainerFacts;
}

/** A status on its way to the master. */
export function statusMessage(
  out: StatusOut,
  task: StatusContainer | undefined,
  context: StatusContext,
): internal.AgentMessage {
  return {
    message: {
      $case: 'statusUpdate',
      value: {
        frameworkId: { value: out.frameworkId },
        status: statusToProto(out.taskId, out.status, task, context),
        latestState: taskStateToProto(out.latestState),
        traceparent: out.traceparent,
      },
    },
  };
}

/** A status with everything that the agent knows. */
export function statusToProto(
  taskId: string,
  status: StatusRecord,
  task: StatusContainer | undefined,
  context: StatusContext,
): TaskStatus {
  return {
    taskId: { value: taskId },
    state: taskStateToProto(status.state),
    ...(status.message !== undefined && { message: status.message }),
    source: TaskStatus_Source[status.source],
    ...(status.reason !== undefined && { reason: TaskStatus_Reason[status.reason] }),
    ...(context.agentId !== undefined && { agentId: { value: context.agentId } }),
    executorId: { value: taskId },
    timestamp: status.at / 1000,
    uuid: Buffer.from(status.uuid, 'hex'),
    ...(task !== undefined && { containerStatus: containerStatus(task, context) }),
  };
}

export function containerStatus(
  { containerId, container }: StatusContainer,
  { agentIp }: StatusContext,
): ContainerStatus {
  return {
    containerId: { value: containerId },
    networkInfos: [{ ipAddresses: [{ ipAddress: container.ip ?? agentIp }], groups: [], portMappings: [] }],
    ...(container.pid !== undefined && { executorPid: container.pid }),
  };
}
