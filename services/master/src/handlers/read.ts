// From messages to commands: what the core reasons about is read here, and refused here if it cannot be.

import { FailureError } from '@meseta/kit';
import {
  agentId,
  failure,
  frameworkId,
  isFailure,
  offerId,
  taskId,
  type AgentId,
  type FrameworkId,
  type TaskId,
} from '@meseta/model';
import {
  Offer_Operation_Type,
  resourcesFromProto,
  type FrameworkInfo,
  type KillPolicy,
  type Offer_Operation,
  type scheduler,
} from '@meseta/protocol';
import type { Accept, Acknowledgement, FrameworkDescription, TaskToLaunch } from '../state/command';

/** Offers stay refused for this long when a framework does not say (S62). */
const refuseSecondsDefault = 5;
const refuseSecondsMax = 31_536_000;
const uuidBytes = 16;

type Id = { readonly value?: string | undefined } | undefined;

export const agentOf = (id: Id): AgentId => agentId(id?.value ?? '');
export const frameworkOf = (id: Id): FrameworkId => frameworkId(id?.value ?? '');
export const taskOf = (id: Id): TaskId => taskId(id?.value ?? '');

/** An agent's id, or undefined when none is named. */
export function agentIfNamed(id: Id): AgentId | undefined {
  return (id?.value ?? '') === '' ? undefined : agentOf(id);
}

/** What the core needs of a FrameworkInfo. Without MULTI_ROLE the one role counts, `*` if unset (S45). */
export function descriptionOf(info: FrameworkInfo): FrameworkDescription {
  const capabilities = new Set<string>();
  for (const { type } of info.capabilities) if (type !== undefined) capabilities.add(type);
  return {
    info,
    id: (info.id?.value ?? '') === '' ? undefined : frameworkOf(info.id),
    roles: capabilities.has('MULTI_ROLE') ? info.roles : [info.role ?? '*'],
    capabilities,
    failoverTimeoutMs: (info.failoverTimeout ?? 0) * 1000,
  };
}

export function acceptOf(call: scheduler.Call_Accept): Accept {
  if (call.offerIds.length === 0) throw invalid('offer_ids', 'must name at least one offer');
  return {
    offerIds: call.offerIds.map((id) => offerId(id.value ?? '')),
    tasks: call.operations.flatMap(tasksOf),
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
  const uuid = call.uuid ?? Buffer.alloc(0);
  if (uuid.length !== uuidBytes) throw invalid('uuid', `must be ${uuidBytes} bytes, not ${uuid.length}`);
  return { agentId: agentOf(call.agentId), taskId: taskOf(call.taskId), uuid: uuid.toString('hex') };
}

/** The grace of a kill; undefined when the task's own holds. */
export function graceMsOf(policy: KillPolicy | undefined): number | undefined {
  const nanoseconds = policy?.gracePeriod?.nanoseconds;
  if (nanoseconds === undefined) return undefined;
  if (nanoseconds < 0n) throw invalid('kill_policy.grace_period', 'must not be negative');
  return Number(nanoseconds / 1_000_000n);
}

function tasksOf(operation: Offer_Operation): TaskToLaunch[] {
  if (operation.type !== Offer_Operation_Type.LAUNCH) {
    throw invalid(
      'operations.type',
      `${operation.type ?? 'unset'} is not supported by this version: LAUNCH is`,
    );
  }
  if ((operation.id?.value ?? '') !== '') throw invalid('operations.id', 'must not be set for LAUNCH');
  return (operation.launch?.taskInfos ?? []).map((info) => ({
    taskId: taskOf(info.taskId),
    info,
    resources: plainResources(info.resources),
  }));
}

function plainResources(listed: Parameters<typeof resourcesFromProto>[0]): TaskToLaunch['resources'] {
  const resources = resourcesFromProto(listed);
  return isFailure(resources) ? resources : resources.unallocate();
}

function invalid(field: string, rule: string): FailureError {
  return new FailureError(failure('invalid', `${field} ${rule}`, { field }));
}
