import {
  agentId,
  frameworkId,
  instant,
  isFailure,
  type AgentId,
  type Instant,
  type QuotaConfig,
} from '@meseta/model';
import { DrainState, internal, quotaFromProto, type MachineID } from '@meseta/protocol';
import { descriptionOf } from './handlers/read';
import { machineKey, type Machine, type Maintenance } from './state/machines';
import type { Recovered } from './state/recovery';
import type { Drain } from './state/state';

/** The registry's records as a new leader's core takes them. */
export function recoveredOf(records: readonly internal.Record[]): Recovered {
  const agents: Recovered['agents'][number][] = [];
  const frameworks: Recovered['frameworks'][number][] = [];
  const weights: Recovered['weights'][number][] = [];
  const quotas: QuotaConfig[] = [];
  const standings: { agentId: AgentId; drain: Drain | undefined }[] = [];
  const gone: { agentId: AgentId; since: Instant }[] = [];
  const dismissed: typeof gone = [];
  let maintenance: Maintenance | undefined;
  for (const { record } of records) {
    if (record?.$case === 'agent' && record.value.agentInfo !== undefined) {
      const { agentInfo: info, membership, sinceMs } = record.value;
      if (agentId(info.id?.value ?? '') === '') continue;
      agents.push({
        info,
        unreachable: membership === internal.AgentMembership.UNREACHABLE,
        since: instant(Number(sinceMs)),
      });
    }
    if (record?.$case === 'framework' && record.value.frameworkInfo !== undefined) {
      const { frameworkInfo: info, registeredAtMs, removedAtMs } = record.value;
      frameworks.push({
        description: { ...descriptionOf(info), id: frameworkId(info.id?.value ?? '') },
        registeredAt: instant(Number(registeredAtMs)),
        removedAt: removedAtMs === 0n ? undefined : instant(Number(removedAtMs)),
      });
    }
    if (record?.$case === 'agentStanding')
      standings.push({ agentId: agentId(record.value.agentId?.value ?? ''), drain: drainOf(record.value) });
    if (record?.$case === 'goneAgent') {
      const { agentId: id, sinceMs, mayReturn } = record.value;
      const since = instant(Number(sinceMs));
      (mayReturn ? dismissed : gone).push({ agentId: agentId(id?.value ?? ''), since });
    }
    if (record?.$case === 'maintenance') maintenance = maintenanceOf(record.value);
    if (record?.$case === 'weight') weights.push({ role: record.value.role, weight: record.value.weight });
    if (record?.$case === 'quota' && record.value.config !== undefined) {
      const quota = quotaFromProto('quota', record.value.config);
      if (!isFailure(quota)) quotas.push(quota);
    }
  }
  return { agents, frameworks, weights, quotas, standings, gone, dismissed, maintenance };
}

function drainOf({ drainInfo, drainStartedAtMs }: internal.AgentStandingRecord): Drain | undefined {
  if (drainInfo === undefined) return undefined;
  const { state, config } = drainInfo;
  const grace = config?.maxGracePeriod?.nanoseconds;
  return {
    state: state === DrainState.DRAINED ? 'DRAINED' : 'DRAINING',
    graceMaxMs: grace === undefined ? undefined : Number(grace) / 1_000_000,
    markGone: config?.markGone ?? false,
    startedAt: instant(Number(drainStartedAtMs)),
  };
}

function maintenanceOf({ schedule, downMachines }: internal.MaintenanceRecord): Maintenance {
  return {
    windows: (schedule?.windows ?? []).map(({ machineIds, unavailability }) => ({
      machines: machineIds.map(machineOf),
      unavailability: unavailability ?? {},
    })),
    down: new Map(downMachines.map(machineOf).map((machine) => [machineKey(machine), machine])),
  };
}

function machineOf({ hostname = '', ip = '' }: MachineID): Machine {
  return { hostname, ip };
}
