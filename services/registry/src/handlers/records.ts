import { DrainState, internal } from '@meseta/protocol';
import type { DurableRecord, RecordWrite } from '../state/record';
import type { StoredWrite } from '../store/store';

/** How a planned write is stored: a `Record` in its binary form. */
export function storedWrite({ key, record }: RecordWrite): StoredWrite {
  return { key, value: record && internal.Record.encode(toProto(record)).finish() };
}

/** A stored value as it is sent. */
export function recordOf(value: Uint8Array): internal.Record {
  return internal.Record.decode(value);
}

function toProto(record: DurableRecord): internal.Record {
  switch (record.kind) {
    case 'agent': {
      const { agentInfo, membership, sinceMs } = record;
      return {
        record: {
          $case: 'agent',
          value: { agentInfo, membership: memberships[membership], sinceMs: BigInt(sinceMs) },
        },
      };
    }
    case 'framework': {
      const { frameworkInfo, registeredAtMs, removedAtMs } = record;
      return {
        record: {
          $case: 'framework',
          value: { frameworkInfo, registeredAtMs: BigInt(registeredAtMs), removedAtMs: BigInt(removedAtMs) },
        },
      };
    }
    case 'agentStanding': {
      const { agentId, drain, drainStartedAtMs } = record;
      const drainInfo = drain && { ...drain, state: drainStates[drain.state] };
      return {
        record: {
          $case: 'agentStanding',
          value: { agentId: { value: agentId }, drainInfo, drainStartedAtMs: BigInt(drainStartedAtMs) },
        },
      };
    }
    case 'goneAgent':
      return {
        record: {
          $case: 'goneAgent',
          value: {
            agentId: { value: record.agentId },
            sinceMs: BigInt(record.sinceMs),
            // Records of before the field was there are of agents that may not.
            mayReturn: record.mayReturn ?? false,
          },
        },
      };
    case 'maintenance': {
      const { schedule, downMachines } = record;
      return { record: { $case: 'maintenance', value: { schedule, downMachines } } };
    }
    case 'weight':
      return { record: { $case: 'weight', value: { role: record.role, weight: record.weight } } };
    case 'quota':
      return { record: { $case: 'quota', value: { config: record.config } } };
  }
}

const drainStates = { draining: DrainState.DRAINING, drained: DrainState.DRAINED } as const;

const memberships = {
  admitted: internal.AgentMembership.ADMITTED,
  unreachable: internal.AgentMembership.UNREACHABLE,
} as const;
