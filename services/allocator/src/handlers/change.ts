import { compilePattern } from '@meseta/kit';
import type { AgentId, Failure, FrameworkId, Resource, Resources } from '@meseta/model';
import { agentId, failure, frameworkId, isFailure } from '@meseta/model';
import {
  agentConstraintsFromProto,
  attributesFromProto,
  domainFromProto,
  offerConstraintsFromProto,
  quantitiesFromProto,
  quotaFromProto,
  resourcesFromProto,
  type Demand as ProtoDemand,
  type OfferFilters,
  type Unavailability as ProtoUnavailability,
  type internal,
} from '@meseta/protocol';
import type { Unavailability } from '../state/agents/agent';
import type { AgentDescription, Command, FrameworkDescription, Holding } from '../state/command';
import type { Demand, TasksByDemand } from '../state/demand/seat-demands';

/** Reads one change of the master's stream. A kind that is not known is refused: to guess would be unsafe. */
export function commandOf({ change }: internal.AllocationChange): Command | Failure {
  switch (change?.$case) {
    case undefined:
      return failure('invalid', 'change must be set to a kind that this allocator knows', {
        field: 'change',
      });
    case 'agentChanged': {
      const agent = agentOf(change.value);
      return isFailure(agent) ? agent : { kind: 'agentChanged', agent };
    }
    case 'agentActivated':
      return {
        kind: 'agentActivated',
        agentId: idOf(change.value.agentId),
        active: change.value.active,
        withheld: change.value.withheld,
      };
    case 'agentRemoved':
      return { kind: 'agentRemoved', agentId: idOf(change.value.agentId) };
    case 'frameworkChanged': {
      const framework = describedFramework(change.value);
      return isFailure(framework) ? framework : { kind: 'frameworkChanged', framework };
    }
    case 'frameworkRemoved':
      return { kind: 'frameworkRemoved', frameworkId: frameworkOf(change.value.frameworkId) };
    case 'recovered': {
      const holding = holdingOf(change.value);
      if (isFailure(holding)) return holding;
      return {
        kind: 'recovered',
        agentId: idOf(change.value.agentId),
        refuseMs: Number(change.value.refuseMs),
        unused: change.value.unused,
        tasks: tasksOf(change.value.tasks),
        ...holding,
      };
    }
    case 'allocated': {
      const holding = holdingOf(change.value.allocation);
      return isFailure(holding)
        ? holding
        : { kind: 'allocated', agentId: idOf(change.value.agentId), ...holding };
    }
    case 'suppressed':
      return {
        kind: 'suppressed',
        frameworkId: frameworkOf(change.value.frameworkId),
        roles: change.value.roles,
      };
    case 'revived':
      return {
        kind: 'revived',
        frameworkId: frameworkOf(change.value.frameworkId),
        roles: change.value.roles,
      };
    case 'weightChanged':
      if (!(change.value.weight > 0))
        return failure('invalid', `weight of role ${change.value.role} must be greater than 0`, {
          field: 'weight',
        });
      return { kind: 'weightChanged', role: change.value.role, weight: change.value.weight };
    case 'totalChanged': {
      const total = resourcesFromProto(change.value.total);
      return isFailure(total)
        ? total
        : { kind: 'totalChanged', agentId: idOf(change.value.agentId), total: offered(total.unallocate()) };
    }
    case 'converted':
      return convertedOf(change.value);
    case 'unavailabilityChanged':
      return {
        kind: 'unavailabilityChanged',
        agentId: idOf(change.value.agentId),
        unavailability: unavailabilityOf(change.value.unavailability),
      };
    case 'inverseOfferAnswered':
      return {
        kind: 'inverseOfferAnswered',
        agentId: idOf(change.value.agentId),
        frameworkId: frameworkOf(change.value.frameworkId),
        refuseMs: Number(change.value.refuseMs),
      };
    case 'offersAccepted':
      return {
        kind: 'accepted',
        agentId: idOf(change.value.agentId),
        frameworkId: frameworkOf(change.value.frameworkId),
        role: change.value.role,
        offers: change.value.offers,
      };
    case 'demanded': {
      const demands = demandsOf(change.value.demands);
      return isFailure(demands)
        ? demands
        : {
            kind: 'demanded',
            frameworkId: frameworkOf(change.value.frameworkId),
            demands,
            remaining: tasksOf(change.value.remaining) ?? new Map(),
          };
    }
    case 'quotaChanged': {
      const { config: said } = change.value;
      if (said === undefined) return failure('invalid', 'config must be set', { field: 'config' });
      const config = quotaFromProto('config', said);
      return isFailure(config) ? config : { kind: 'quotaChanged', quota: config };
    }
    case 'clusterChanged':
      return {
        kind: 'clusterChanged',
        region: change.value.region === '' ? undefined : change.value.region,
        expectedAgents: change.value.expectedAgents,
        electedAtMs: Number(change.value.electedAtMs),
      };
  }
}

function agentOf(changed: internal.AgentChanged): AgentDescription | Failure {
  const total = resourcesFromProto(changed.total);
  if (isFailure(total)) return total;
  const attributes = attributesFromProto(changed.attributes);
  if (isFailure(attributes)) return attributes;
  const domain = domainFromProto('domain', changed.domain);
  if (isFailure(domain)) return domain;
  const holdings: Holding[] = [];
  for (const allocation of changed.allocations) {
    const holding = holdingOf(allocation);
    if (isFailure(holding)) return holding;
    holdings.push(holding);
  }
  return {
    agentId: idOf(changed.agentId),
    hostname: changed.hostname,
    total: offered(total),
    attributes,
    domain,
    active: changed.active,
    withheld: changed.withheld,
    unavailability: unavailabilityOf(changed.unavailability),
    holdings,
  };
}

/** What may be offered of what an agent has: all but ports that its kernel gives out by itself (R6). */
function offered(total: Resources): Resources {
  const { entries } = total;
  return entries.some(isEphemeral) ? total.filter((entry) => !isEphemeral(entry)) : total;
}

function isEphemeral({ name }: Resource): boolean {
  return name === 'ephemeral_ports';
}

function describedFramework(changed: internal.FrameworkChanged): FrameworkDescription | Failure {
  const { frameworkId: id, name, roles, suppressedRoles, active, capabilities } = changed;
  const constraints = offerConstraintsFromProto(changed.offerConstraints, compilePattern);
  if (isFailure(constraints)) return constraints;
  const least = leastOf(changed.offerFilters);
  if (isFailure(least)) return least;
  return {
    frameworkId: frameworkOf(id),
    name,
    roles,
    suppressedRoles,
    active,
    capabilities,
    constraints,
    least,
  };
}

/** By role, what an offer must hold one of; a role whose filters do not say is left out. */
function leastOf(
  filters: Readonly<Record<string, OfferFilters>>,
): NonNullable<FrameworkDescription['least']> | Failure {
  const least = new Map<string, ReadonlyMap<string, number>[]>();
  for (const [role, { minAllocatableResources }] of Object.entries(filters)) {
    if (minAllocatableResources === undefined) continue;
    const list: ReadonlyMap<string, number>[] = [];
    for (const { quantities } of minAllocatableResources.quantities) {
      const read = quantitiesFromProto(`offer_filters[${role}]`, quantities);
      if (isFailure(read)) return read;
      list.push(read);
    }
    least.set(role, list);
  }
  return least;
}

function convertedOf(converted: internal.Converted): Command | Failure {
  const consumed = resourcesFromProto(converted.consumed);
  if (isFailure(consumed)) return consumed;
  const produced = resourcesFromProto(converted.produced);
  if (isFailure(produced)) return produced;
  const isHeld = (converted.frameworkId?.value ?? '') !== '';
  return {
    kind: 'converted',
    agentId: idOf(converted.agentId),
    holder: isHeld ? { frameworkId: frameworkOf(converted.frameworkId), role: converted.role } : undefined,
    consumed: consumed.unallocate(),
    produced: produced.unallocate(),
  };
}

function demandsOf(listed: readonly ProtoDemand[]): readonly Demand[] | Failure {
  const demands: Demand[] = [];
  for (const { id, role, resources, count, constraints: asked } of listed) {
    const perTask = quantitiesFromProto(`demands[${id}].resources`, resources);
    if (isFailure(perTask)) return perTask;
    const constraints =
      asked === undefined
        ? undefined
        : agentConstraintsFromProto(`demands[${id}].constraints`, asked, compilePattern);
    if (isFailure(constraints)) return constraints;
    demands.push({ id, role, perTask, count, constraints });
  }
  return demands;
}

function tasksOf(tasks: internal.TasksByDemand | undefined): TasksByDemand | undefined {
  return tasks && new Map(Object.entries(tasks.counts));
}

function unavailabilityOf(planned: ProtoUnavailability | undefined): Unavailability | undefined {
  if (planned === undefined) return undefined;
  const duration = planned.duration?.nanoseconds;
  return {
    startMs: Number((planned.start?.nanoseconds ?? 0n) / 1_000_000n),
    durationMs: duration === undefined ? undefined : Number(duration / 1_000_000n),
  };
}

/** Resources are counted by what they are, so the role they are allocated to is taken off. */
function holdingOf(
  allocation: Pick<internal.Allocation, 'frameworkId' | 'role' | 'resources' | 'offers'> | undefined,
): Holding | Failure {
  if (allocation === undefined) return failure('invalid', 'allocation must be set', { field: 'allocation' });
  const resources = resourcesFromProto(allocation.resources);
  if (isFailure(resources)) return resources;
  return {
    frameworkId: frameworkOf(allocation.frameworkId),
    role: allocation.role,
    resources: resources.unallocate(),
    offers: allocation.offers,
  };
}

function idOf(id: { readonly value?: string | undefined } | undefined): AgentId {
  return agentId(id?.value ?? '');
}

function frameworkOf(id: { readonly value?: string | undefined } | undefined): FrameworkId {
  return frameworkId(id?.value ?? '');
}
