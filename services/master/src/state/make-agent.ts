import { Resources, type AgentId, type Instant } from '@meseta/model';
import type { AgentInfo } from '@meseta/protocol';
import type { Agent } from './state';

/** An agent of which nothing but its description is known. */
export function makeAgent(id: AgentId, { info }: { readonly info: AgentInfo }, since: Instant): Agent {
  return {
    id,
    info,
    hostname: info.hostname ?? '',
    total: Resources.empty,
    oversubscribed: Resources.empty,
    attributes: [],
    capabilities: [],
    version: '',
    grpcAddress: '',
    httpAddress: '',
    membership: 'recovered',
    since,
    session: undefined,
    registeredAt: undefined,
    reregisteredAt: undefined,
    pingSequence: 0,
    pingsMissed: 0,
    pongSeen: true,
    nextDeadlineAt: undefined,
    deactivated: false,
    dismissed: false,
    drain: undefined,
    unavailability: undefined,
    asked: new Map(),
    used: Resources.empty,
    offered: Resources.empty,
    tasks: new Map(),
    executors: new Map(),
    operations: new Map(),
    offers: new Set(),
    resetVersion: 0,
  };
}
