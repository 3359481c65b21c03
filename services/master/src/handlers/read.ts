// From messages to commands: what the core reasons about is read here, and refused here if it cannot be.

import { FailureError, compilePattern } from '@meseta/kit';
import {
  agentId,
  executorId,
  failure,
  frameworkId,
  isFailure,
  offerId,
  operationId,
  taskId,
  msOfNanoseconds,
  unallocated,
  type AgentId,
  type ExecutorId,
  type Failure,
  type FrameworkId,
  type QuotaConfig,
  type TaskId,
} from '@meseta/model';
import {
  Offer_Operation_Type,
  agentConstraintsFromProto,
  offerConstraintsFromProto,
  quantitiesFromProto,
  quotaFromProto,
  resourceOperationFromProto,
  resourceOperationToProto,
  resourceOperationTypes,
  resourcesFromProto,
  type Demand,
  type ExecutorInfo,
  type FrameworkInfo,
  type KillPolicy,
  type Offer_Operation,
  type TaskInfo,
  type quota,
  type scheduler,
} from '@meseta/protocol';
import type {
  Accept,
  Acknowledgement,
  ExecutorShutdown,
  ExecutorToLaunch,
  FrameworkDescription,
  InverseAnswer,
  MessageToExecutor,
  OfferOperation,
  OperationAcknowledgement,
  TaskToLaunch,
} from '../state/command';
import type { Wanted } from '../state/demands';

/** Offers stay refused for this long when a framework does not say (S62). */
const refuseSecondsDefault = 5;
const refuseSecondsMax = 31_536_000;
const uuidBytes = 16;
/** What a message to an executor may carry. */
const messageBytesMax = 1024 * 1024;

type Id = { readonly value?: string | undefined } | undefined;

export const agentOf = (id: Id): AgentId => agentId(id?.value ?? '');
export const frameworkOf = (id: Id): FrameworkId => frameworkId(id?.value ?? '');
export const taskOf = (id: Id): TaskId => taskId(id?.value ?? '');
export const executorOf = (id: Id): ExecutorId => executorId(id?.value ?? '');

/** An agent's id, or undefined when none is named. */
export function agentIfNamed(id: Id): AgentId | undefined {
  return (id?.value ?? '') === '' ? undefined : agentOf(id);
}

/** The answer to inverse offers; how long not to ask again is read as of a declined offer. */
export function inverseAnswerOf(answer: scheduler.Call_DeclineInverseOffers): InverseAnswer {
  return {
    offerIds: answer.inverseOfferIds.map((id) => offerId(id.value ?? '')),
    refuseMs: refuseMsOf(answer.filters),
  };
}

/** What the core needs of a FrameworkInfo. Without MULTI_ROLE the one role counts, `*` if unset (S45). */
export function descriptionOf(
  info: FrameworkInfo,
  offerConstraints?: scheduler.OfferConstraints,
): FrameworkDescription {
  const capabilities = new Set<string>();
  for (const { type } of info.capabilities) if (type !== undefined) capabilities.add(type);
  return {
    info,
    id: (info.id?.value ?? '') === '' ? undefined : frameworkOf(info.id),
    roles: capabilities.has('MULTI_ROLE') ? info.roles : [info.role ?? '*'],
    capabilities,
    failoverTimeoutMs: (info.failoverTimeout ?? 0) * 1000,
    offerConstraints,
    unreadable: unreadable(info, offerConstraints),
  };
}

/** Why what a framework says about its offers cannot be read (S95 – S98, R65). */
function unreadable(
  info: FrameworkInfo,
  constraints: scheduler.OfferConstraints | undefined,
): Failure | undefined {
  const read = offerConstraintsFromProto(constraints, compilePattern);
  if (isFailure(read)) return read;
  for (const [role, { minAllocatableResources }] of Object.entries(info.offerFilters)) {
    for (const { quantities } of minAllocatableResources?.quantities ?? []) {
      const least = quantitiesFromProto(`framework_info.offer_filters[${role}]`, quantities);
      if (isFailure(least)) return least;
    }
  }
  return undefined;
}

/** What a framework wants in particular; the core checks it against the framework. */
export function demandsOf(demands: readonly Demand[]): readonly Wanted[] {
  return demands.map((demand, at) => {
    const { resources, constraints } = demand;
    const perTask = quantitiesFromProto(`demands[${at}].resources`, resources);
    if (isFailure(perTask)) throw new FailureError(perTask);
    if (perTask.size === 0 || perTask.size < Object.keys(resources).length)
      throw invalid(`demands[${at}].resources`, 'must name amounts greater than 0');
    const read =
      constraints && agentConstraintsFromProto(`demands[${at}].constraints`, constraints, compilePattern);
    if (isFailure(read)) throw new FailureError(read);
    return { demand, perTask };
  });
}

/** Quotas to set (A30). */
export function quotasOf(configs: readonly quota.QuotaConfig[]): readonly QuotaConfig[] {
  return configs.map((config, at) => {
    const read = quotaFromProto(`quota_configs[${at}]`, config);
    if (isFailure(read)) throw new FailureError(read);
    return read;
  });
}

/** @param newUuid 16 random bytes in hexadecimal, for each operation */
export function acceptOf(call: scheduler.Call_Accept, newUuid: () => string): Accept {
  if (call.offerIds.length === 0) throw invalid('offer_ids', 'must name at least one offer');
  return {
    offerIds: call.offerIds.map((id) => offerId(id.value ?? '')),
    operations: call.operations.map((operation) => operationOf(operation, newUuid())),
    refuseMs: refuseMsOf(call.filters),
  };
}

/** How long declined resources are not to be offered again (S62). */
export function refuseMsOf(filters: { readonly refuseSeconds?: number | undefined } | undefined): number {
  const seconds = filters?.refuseSeconds ?? refuseSecondsDefault;
  if (Number.isNaN(seconds) || seconds < 0) return refuseSecondsDefault * 1000;
  return Math.min(seconds, refuseSecondsMax) * 1000;
}

export function acknowledgementOf(call: scheduler.Call_Acknowledge): Acknowledgement {
  return { agentId: agentOf(call.agentId), taskId: taskOf(call.taskId), uuid: uuidOf(call.uuid) };
}

export function operationAcknowledgementOf(
  call: scheduler.Call_AcknowledgeOperationStatus,
): OperationAcknowledgement {
  if ((call.operationId?.value ?? '') === '') throw invalid('operation_id', 'must be set');
  if ((call.agentId?.value ?? '') === '') throw invalid('agent_id', 'must be set');
  return {
    agentId: agentOf(call.agentId),
    operationId: operationId(call.operationId?.value ?? ''),
    uuid: uuidOf(call.uuid),
  };
}

/** @throws a failure that names the field when there is no executor to send to, or too much to send */
export function messageOf(call: scheduler.Call_Message): MessageToExecutor {
  const data = call.data ?? Buffer.alloc(0);
  if (data.length > messageBytesMax)
    throw invalid('data', `must be at most ${messageBytesMax} bytes, not ${data.length}`);
  return { ...executorNamed(call), data };
}

/** @throws a failure that names the field when there is no executor named */
export function executorNamed(
  call: Pick<scheduler.Call_Shutdown, 'agentId' | 'executorId'>,
): ExecutorShutdown {
  if ((call.agentId?.value ?? '') === '') throw invalid('agent_id', 'must be set');
  if ((call.executorId?.value ?? '') === '') throw invalid('executor_id', 'must be set');
  return { agentId: agentOf(call.agentId), executorId: executorOf(call.executorId) };
}

function uuidOf(bytes: Buffer | undefined): string {
  const uuid = bytes ?? Buffer.alloc(0);
  if (uuid.length !== uuidBytes) throw invalid('uuid', `must be ${uuidBytes} bytes, not ${uuid.length}`);
  return uuid.toString('hex');
}

/** The grace of a kill; undefined when the task's own holds. */
export function graceMsOf(policy: KillPolicy | undefined): number | undefined {
  const nanoseconds = policy?.gracePeriod?.nanoseconds;
  if (nanoseconds === undefined) return undefined;
  if (nanoseconds < 0n) throw invalid('kill_policy.grace_period', 'must not be negative');
  return msOfNanoseconds(nanoseconds);
}

function operationOf(operation: Offer_Operation, uuid: string): OfferOperation {
  const id = (operation.id?.value ?? '') === '' ? undefined : operationId(operation.id?.value ?? '');
  const { type } = operation;
  switch (type) {
    case Offer_Operation_Type.LAUNCH:
      return { kind: 'launch', uuid, id, tasks: (operation.launch?.taskInfos ?? []).map(taskToLaunchOf) };
    case Offer_Operation_Type.LAUNCH_GROUP: {
      const group = operation.launchGroup;
      return {
        kind: 'launchGroup',
        uuid,
        id,
        executor: group?.executor === undefined ? undefined : executorToLaunchOf(group.executor),
        tasks: (group?.taskGroup?.tasks ?? []).map(taskToLaunchOf),
      };
    }
    case Offer_Operation_Type.CREATE_DISK:
    case Offer_Operation_Type.DESTROY_DISK:
      throw new FailureError(
        failure('unsupported', `operations.type ${type} needs a resource provider, and there are none`, {
          field: 'operations.type',
        }),
      );
    default:
      if (type === undefined || !resourceOperationTypes.has(type))
        throw invalid('operations.type', `${type ?? 'unset'} is not known to this version`);
      return { kind: 'resources', uuid, id, ...resourceOperationOf(operation) };
  }
}

/** The operation as the core reasons about it, and as the agent will be told it, which is without allocation roles. */
export function resourceOperationOf(
  operation: Offer_Operation,
): Pick<Extract<OfferOperation, { kind: 'resources' }>, 'info' | 'operation'> {
  const read = resourceOperationFromProto(operation);
  if (isFailure(read)) return { info: operation, operation: read };
  return { info: { ...resourceOperationToProto(unallocated(read)), id: operation.id }, operation: read };
}

function taskToLaunchOf(info: TaskInfo): TaskToLaunch {
  return {
    taskId: taskOf(info.taskId),
    info,
    resources: plainResources(info.resources),
    executor: info.executor === undefined ? undefined : executorToLaunchOf(info.executor),
  };
}

function executorToLaunchOf(info: ExecutorInfo): ExecutorToLaunch {
  return { executorId: executorOf(info.executorId), info, resources: plainResources(info.resources) };
}

function plainResources(listed: Parameters<typeof resourcesFromProto>[0]): TaskToLaunch['resources'] {
  const resources = resourcesFromProto(listed);
  return isFailure(resources) ? resources : resources.unallocate();
}

function invalid(field: string, rule: string): FailureError {
  return new FailureError(failure('invalid', `${field} ${rule}`, { field }));
}
