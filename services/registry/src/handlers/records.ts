import { internal } from '@meseta/protocol';
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
    case 'weight':
      return { record: { $case: 'weight', value: { role: record.role, weight: record.weight } } };
    case 'quota':
      return { record: { $case: 'quota', value: { config: record.config } } };
  }
}

const memberships = {
  admitted: internal.AgentMembership.ADMITTED,
  unreachable: internal.AgentMembership.UNREACHABLE,
} as const;
