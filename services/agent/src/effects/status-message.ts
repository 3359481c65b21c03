import { isIPv6 } from 'node:net';
import type { AgentId, ContainerId } from '@meseta/model';
import { Resources } from '@meseta/model';
import {
  CheckInfo_Type,
  resourcesToProto,
  taskStateToProto,
  TaskStatus_Reason,
  TaskStatus_Source,
  type CheckStatusInfo,
  NetworkInfo_Protocol,
  type ContainerStatus,
  type internal,
  type NetworkInfo,
  type TaskStatus,
} from '@meseta/protocol';
import type { StatusOut } from '../state/effect';
import type { CheckAnswer } from '../state/check-record';
import type { AgentState, ContainerFacts, StatusRecord, TaskRecord } from '../state/state';

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
  /** The networks that were asked for. */
  readonly networkInfos: readonly NetworkInfo[];
  /** The executor that the task has; of a command it is the task's own id. */
  readonly executorId: string;
  /** The pod that it is in, if it is in one. */
  readonly parentId?: ContainerId;
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

/** A status with everything that the agent knows; what an executor said itself beats it (T32). */
export function statusToProto(
  taskId: string,
  status: StatusRecord,
  task: StatusContainer | undefined,
  context: StatusContext,
): TaskStatus {
  const { given, healthy, checkStatus, limitation, message, reason, data } = status;
  const containers = task === undefined ? undefined : containerStatus(task, context);
  return {
    ...given,
    taskId: { value: taskId },
    state: taskStateToProto(status.state),
    ...(message !== undefined && { message }),
    source: TaskStatus_Source[status.source],
    ...(reason !== undefined && { reason: TaskStatus_Reason[reason] }),
    ...(context.agentId !== undefined && { agentId: { value: context.agentId } }),
    executorId: { value: task?.executorId ?? taskId },
    timestamp: given?.timestamp ?? status.at / 1000,
    uuid: Buffer.from(status.uuid, 'hex'),
    ...(data !== undefined && { data: Buffer.from(data) }),
    ...(healthy !== undefined && { healthy }),
    ...(checkStatus !== undefined && { checkStatus: checkStatusToProto(checkStatus) }),
    ...(limitation !== undefined && { limitation: { resources: limitationToProto(limitation) } }),
    ...(containers !== undefined && { containerStatus: { ...containers, ...given?.containerStatus } }),
  };
}

/** Empty, but of the check's type, while there is no answer (T71). */
function checkStatusToProto(answer: CheckAnswer): CheckStatusInfo {
  switch (answer.type) {
    case 'COMMAND':
      return { type: CheckInfo_Type.COMMAND, command: { exitCode: answer.exitCode } };
    case 'HTTP':
      return { type: CheckInfo_Type.HTTP, http: { statusCode: answer.statusCode } };
    case 'TCP':
      return { type: CheckInfo_Type.TCP, tcp: { succeeded: answer.succeeded } };
  }
}

function limitationToProto(limitation: NonNullable<StatusRecord['limitation']>) {
  return resourcesToProto(
    Resources.of(
      limitation.map(({ name, ...amount }) => ({
        name,
        value:
          'milli' in amount
            ? { kind: 'scalar', milli: amount.milli }
            : { kind: 'ranges', ranges: amount.ranges },
        reservations: [],
      })),
    ),
  );
}

export function containerStatus(
  { containerId, container, parentId, networkInfos }: StatusContainer,
  { agentIp }: StatusContext,
): ContainerStatus {
  return {
    containerId: {
      value: containerId,
      ...(parentId !== undefined && { parent: { value: parentId } }),
    },
    networkInfos: networksOf(container, networkInfos, agentIp),
    ...(container.pid !== undefined && { executorPid: container.pid }),
  };
}

/** Each network as it was asked for, with the addresses that were given (G91); the agent's for a container on the machine's own (G90). */
function networksOf(
  { ip, networks }: ContainerFacts,
  asked: readonly NetworkInfo[],
  agentIp: string,
): NetworkInfo[] {
  if (networks === undefined)
    return [{ ipAddresses: [addressToProto(ip ?? agentIp)], groups: [], portMappings: [] }];
  return networks.map(({ name, addresses }) => ({
    groups: [],
    portMappings: [],
    ...asked.find((info) => info.name === name),
    name,
    ipAddresses: addresses.map(addressToProto),
  }));
}

function addressToProto(address: string): NetworkInfo['ipAddresses'][number] {
  const protocol = isIPv6(address) ? NetworkInfo_Protocol.IPv6 : NetworkInfo_Protocol.IPv4;
  return { protocol, ipAddress: address };
}

/** The container of a task as statuses tell of it: its own, or that of the executor that runs it. */
export function statusContainerOf(state: AgentState, task: TaskRecord): StatusContainer {
  const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
  const { containerId, container } = executor?.kind === 'custom' ? executor : task;
  const { info } = executor ?? task;
  return {
    containerId,
    container,
    networkInfos: info.container?.networkInfos ?? [],
    executorId: executor?.executorId ?? task.taskId,
    ...(executor?.kind === 'pod' && { parentId: executor.containerId }),
  };
}
