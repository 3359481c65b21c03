import type { AgentInfo, DrainConfig, FrameworkInfo, MachineID, maintenance, quota } from '@meseta/protocol';

/** One durable fact about the cluster. Instants are milliseconds since the epoch. */
export type DurableRecord =
  | {
      readonly kind: 'agent';
      readonly agentInfo: AgentInfo;
      readonly membership: 'admitted' | 'unreachable';
      readonly sinceMs: number;
    }
  | {
      readonly kind: 'framework';
      readonly frameworkInfo: FrameworkInfo;
      readonly registeredAtMs: number;
      /** 0 while it is alive. */
      readonly removedAtMs: number;
    }
  /** Nothing is offered of it. Beside the agent's own record, so that its coming and going needs no read. */
  | {
      readonly kind: 'agentStanding';
      readonly agentId: string;
      /** Undefined for one that is only deactivated. */
      readonly drain: { readonly state: 'draining' | 'drained'; readonly config: DrainConfig } | undefined;
      /** 0 for one that is only deactivated. */
      readonly drainStartedAtMs: number;
    }
  | {
      readonly kind: 'goneAgent';
      readonly agentId: string;
      readonly sinceMs: number;
      /** Whether it may come back without what ran there. */
      readonly mayReturn: boolean;
    }
  | {
      readonly kind: 'maintenance';
      readonly schedule: maintenance.Schedule;
      readonly downMachines: readonly MachineID[];
    }
  | { readonly kind: 'weight'; readonly role: string; readonly weight: number }
  | { readonly kind: 'quota'; readonly config: quota.QuotaConfig };

/** What an operation does to one key of the record: writes it whole, or deletes it. */
export interface RecordWrite {
  /** Below the cluster's prefix, for instance `agents/<id>`. */
  readonly key: string;
  /** Unset deletes. */
  readonly record?: DurableRecord;
}

/** The longest key. The embedded store takes no more than 1,978 bytes, and an id or a role is far shorter. */
export const keyBytesMax = 1024;

/** The keys of the record: one folder for each kind of fact. */
export const keyOf = {
  agent: (id: string): string => `agents/${id}`,
  agentStanding: (id: string): string => `standings/${id}`,
  goneAgent: (id: string): string => `gone/${id}`,
  maintenance: 'maintenance/plan',
  framework: (id: string): string => `frameworks/${id}`,
  weight: (role: string): string => `weights/${role}`,
  quota: (role: string): string => `quotas/${role}`,
};
