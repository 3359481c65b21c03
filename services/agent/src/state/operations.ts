import type { FrameworkId, Instant, Resource, ResourceOperation } from '@meseta/model';
import {
  applyOperation,
  asMade,
  conversionOf,
  isFailure,
  isPersistentVolume,
  plusMs,
  reservedRole,
  Resources,
} from '@meseta/model';
import type { Resource as ProtoResource } from '@meseta/protocol';
import type { ApplyOperation, Command } from './command';
import type { Effect, OperationOut } from './effect';
import type { OperationName, OperationRecord, OperationState, VolumeChanges } from './operation-record';
import type { AgentState } from './state';
import { retryDelayMs } from './status-updates';

/** How many operations that are over are remembered, to answer for those that are asked for again. */
export const operationsPastMax = 1_000;

/**
 * Resources are to change. The change is durable before anything is done on disk, and told when that is done too; one that is known is
 * answered and not applied again (A6).
 */
export function stepApplyOperation(state: AgentState, order: ApplyOperation, now: Instant): Effect[] {
  const { name, info, acknowledged, statusUuid } = order;
  // What is taken back later must be as it was made.
  const change = isFailure(order.change) ? order.change : asMade(state.resources, order.change);
  const known = state.operations.get(name.uuid);
  if (known !== undefined) return known.state === 'OPERATION_PENDING' ? [] : send(state, known, now);
  const past = state.operationsPast.get(name.uuid);
  if (past !== undefined) return tell(state, past, past.state, past.message, past.converted);
  const operation: OperationRecord = {
    ...name,
    info,
    change: isFailure(change) ? undefined : change,
    acknowledged,
    statusUuid,
    state: 'OPERATION_PENDING',
    message: undefined,
    converted: Resources.empty,
    sent: 0,
    retryAt: undefined,
  };
  state.operations.set(name.uuid, operation);
  if (isFailure(change)) return finish(state, operation, 'OPERATION_ERROR', change.message, now);
  const used =
    change.kind === 'destroy' || change.kind === 'shrinkVolume' ? usedBy(state, change) : undefined;
  if (used !== undefined) return finish(state, operation, 'OPERATION_FAILED', used, now);
  const total = applyOperation(state.resources, change);
  if (isFailure(total)) {
    const told = total.kind === 'invalid' ? 'OPERATION_ERROR' : 'OPERATION_FAILED';
    return finish(state, operation, told, total.message, now);
  }
  state.resources = total;
  state.resourcesChanged = true;
  const conversion = conversionOf(change);
  if (!isFailure(conversion)) operation.converted = conversion.converted;
  const changes = volumeChangesOf(change);
  if (changes === undefined)
    return [{ kind: 'saveAgent' }, ...finish(state, operation, 'OPERATION_FINISHED', undefined, now)];
  return [
    { kind: 'saveAgent' },
    { kind: 'saveOperation', uuid: name.uuid },
    { kind: 'changeVolumes', uuid: name.uuid, changes },
  ];
}

/** The directories are as they should be, or could not be made so: then the change is taken back (R45). */
export function stepVolumesChanged(
  state: AgentState,
  { uuid, message }: Command & { kind: 'volumesChanged' },
  now: Instant,
): Effect[] {
  const operation = state.operations.get(uuid);
  if (operation?.state !== 'OPERATION_PENDING') return [];
  if (message === undefined) return finish(state, operation, 'OPERATION_FINISHED', undefined, now);
  const inverse = operation.change === undefined ? undefined : inverseOf(operation.change);
  const total = inverse === undefined ? state.resources : applyOperation(state.resources, inverse);
  // Where it cannot be taken back any more the resources stay as they are, and the next registration tells them.
  if (!isFailure(total)) state.resources = total;
  operation.converted = Resources.empty;
  return [{ kind: 'saveAgent' }, ...finish(state, operation, 'OPERATION_FAILED', message, now)];
}

/** The agent was restarted: what was under way on disk is done again. */
export function resumeOperations(state: AgentState): Effect[] {
  return [...state.operations.values()].flatMap(({ uuid, state: stands, change }) => {
    const changes = change === undefined ? undefined : volumeChangesOf(change);
    return stands === 'OPERATION_PENDING' && changes !== undefined
      ? [{ kind: 'changeVolumes', uuid, changes } as const]
      : [];
  });
}

/** Whoever asked has seen the status. */
export function stepAcknowledgeOperation(state: AgentState, uuid: string, statusUuid: string): Effect[] {
  const operation = state.operations.get(uuid);
  const isInFlight = operation?.state !== 'OPERATION_PENDING' && operation?.statusUuid === statusUuid;
  return operation === undefined || !isInFlight ? [] : forget(state, operation);
}

/** The master believes that an operation is here. If it is not, it never will be. */
export function stepReconcileOperation(state: AgentState, name: OperationName): Effect[] {
  if (state.operations.has(name.uuid)) return [];
  const past = state.operationsPast.get(name.uuid);
  if (past !== undefined) return tell(state, past, past.state, past.message, past.converted);
  const message = 'Reconciliation: the agent does not know the operation';
  return tell(state, name, 'OPERATION_DROPPED', message, Resources.empty);
}

/** Sends all that waits for an acknowledgement at once, as when a master has taken the agent in, or a framework is back. */
export function resendOperations(state: AgentState, now: Instant, frameworkId?: FrameworkId): Effect[] {
  const effects: Effect[] = [];
  for (const operation of [...state.operations.values()]) {
    if (operation.state === 'OPERATION_PENDING') continue;
    if (frameworkId !== undefined && operation.frameworkId !== frameworkId) continue;
    operation.sent = 0;
    effects.push(...send(state, operation, now));
  }
  return effects;
}

/** A retry has come due; late ones are nothing. */
export function retryOperation(
  state: AgentState,
  operation: OperationRecord | undefined,
  at: Instant,
  now: Instant,
): Effect[] {
  return operation === undefined || operation.retryAt !== at ? [] : send(state, operation, now);
}

/** The volumes that are to be on disk. */
export function volumesOf(resources: Resources): readonly Resource[] {
  return resources.entries.filter(isPersistentVolume);
}

function finish(
  state: AgentState,
  operation: OperationRecord,
  told: OperationState,
  message: string | undefined,
  now: Instant,
): Effect[] {
  operation.state = told;
  operation.message = message;
  const { frameworkId, uuid, acknowledged } = operation;
  const words = message === undefined ? '' : `: ${message}`;
  const note: Effect = {
    kind: 'note',
    level: 'info',
    message: `${told} ${operation.info.type}${words}`,
    ...(frameworkId !== undefined && { frameworkId }),
  };
  if (acknowledged) return [{ kind: 'saveOperation', uuid }, note, ...send(state, operation, now)];
  const sent = tell(state, operation, told, message, operation.converted);
  return [note, ...sent, ...forget(state, operation)];
}

function forget(state: AgentState, operation: OperationRecord): Effect[] {
  const { uuid } = operation;
  state.operations.delete(uuid);
  state.operationsPast.set(uuid, operation);
  if (state.operationsPast.size > operationsPastMax) {
    const [oldest] = state.operationsPast.keys();
    if (oldest !== undefined) state.operationsPast.delete(oldest);
  }
  return [{ kind: 'forgetOperation', uuid }];
}

/** While there is no master that took us in, nothing is sent and no time runs. */
function send(state: AgentState, operation: OperationRecord, now: Instant): Effect[] {
  operation.retryAt = undefined;
  if (state.session?.registered !== true) return [];
  operation.sent++;
  operation.retryAt = plusMs(now, retryDelayMs(operation.sent));
  state.deadlines.add({ at: operation.retryAt, kind: 'operation', key: operation.uuid });
  const { statusUuid, sent, message, converted } = operation;
  return [outOf(operation, operation.state, message, converted, { statusUuid, attempt: sent })];
}

/** Tells once, and keeps nothing. */
function tell(
  state: AgentState,
  name: OperationName,
  told: OperationState,
  message: string | undefined,
  converted: Resources,
): Effect[] {
  if (state.session?.registered !== true) return [];
  return [outOf(name, told, message, converted, { attempt: 1 })];
}

function outOf(
  { uuid, frameworkId, operationId }: OperationName,
  told: OperationState,
  message: string | undefined,
  converted: Resources,
  more: Pick<OperationOut, 'statusUuid' | 'attempt'>,
): OperationOut {
  return {
    kind: 'operation',
    name: { uuid, frameworkId, operationId },
    state: told,
    ...(message !== undefined && { message }),
    converted: told === 'OPERATION_FINISHED' ? converted : Resources.empty,
    ...more,
  };
}

function volumeChangesOf(change: ResourceOperation): VolumeChanges | undefined {
  if (change.kind === 'create') return { create: change.volumes.entries, destroy: [] };
  if (change.kind === 'destroy') return { create: [], destroy: change.volumes.entries };
  return undefined;
}

function inverseOf(change: ResourceOperation): ResourceOperation | undefined {
  if (change.kind === 'create') return { kind: 'destroy', volumes: change.volumes };
  if (change.kind === 'destroy') return { kind: 'create', volumes: change.volumes };
  return undefined;
}

/** A volume that a task uses can be neither deleted nor made smaller (R46). */
function usedBy(
  state: AgentState,
  change: ResourceOperation & { kind: 'destroy' | 'shrinkVolume' },
): string | undefined {
  const volumes = change.kind === 'destroy' ? change.volumes.entries : [change.volume];
  const ids = new Set(
    volumes.map((volume: Resource) => `${reservedRole(volume)}/${volume.disk?.persistence?.id}`),
  );
  const uses = ({ disk, reservations, role }: ProtoResource): boolean =>
    disk?.persistence !== undefined && ids.has(`${reservations.at(-1)?.role ?? role}/${disk.persistence.id}`);
  for (const { phase, info, taskId } of state.tasks.values()) {
    const found = phase === 'ended' ? undefined : info.resources.find(uses);
    if (found !== undefined) return `task ${taskId} uses the volume ${found.disk?.persistence?.id}`;
  }
  for (const { phase, info, executorId } of state.executors.values()) {
    const found = phase === 'ended' ? undefined : info.resources.find(uses);
    if (found !== undefined) return `executor ${executorId} uses the volume ${found.disk?.persistence?.id}`;
  }
  return undefined;
}
