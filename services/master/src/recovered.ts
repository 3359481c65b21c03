import { agentId, frameworkId, instant, isFailure, type QuotaConfig } from '@meseta/model';
import { internal, quotaFromProto } from '@meseta/protocol';
import { descriptionOf } from './handlers/read';
import type { Recovered } from './state/recovery';

/** The registry's records as a new leader's core takes them. */
export function recoveredOf(records: readonly internal.Record[]): Recovered {
  const agents: Recovered['agents'][number][] = [];
  const frameworks: Recovered['frameworks'][number][] = [];
  const weights: Recovered['weights'][number][] = [];
  const quotas: QuotaConfig[] = [];
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
    if (record?.$case === 'weight') weights.push({ role: record.value.role, weight: record.value.weight });
    if (record?.$case === 'quota' && record.value.config !== undefined) {
      const quota = quotaFromProto('quota', record.value.config);
      if (!isFailure(quota)) quotas.push(quota);
    }
  }
  return { agents, frameworks, weights, quotas };
}
