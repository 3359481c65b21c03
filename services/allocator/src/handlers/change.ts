import type { AgentId, Failure, FrameworkId } from '@meseta/model';
import { agentId, failure, frameworkId, isFailure } from '@meseta/model';
import { attributesFromProto, resourcesFromProto, type internal } from '@meseta/protocol';
import type { AgentDescription, Command, Holding } from '../state/command';

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
      return { kind: 'agentActivated', agentId: idOf(change.value.agentId), active: change.value.active };
    case 'agentRemoved':
      return { kind: 'agentRemoved', agentId: idOf(change.value.agentId) };
    case 'frameworkChanged': {
      const { frameworkId: id, name, roles, suppressedRoles, active, capabilities } = change.value;
      return {
        kind: 'frameworkChanged',
        framework: { frameworkId: frameworkOf(id), name, roles, suppressedRoles, active, capabilities },
      };
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
  }
}

function agentOf(changed: internal.AgentChanged): AgentDescription | Failure {
  const total = resourcesFromProto(changed.total);
  if (isFailure(total)) return total;
  const attributes = attributesFromProto(changed.attributes);
  if (isFailure(attributes)) return attributes;
  const holdings: Holding[] = [];
  for (const allocation of changed.allocations) {
    const holding = holdingOf(allocation);
    if (isFailure(holding)) return holding;
    holdings.push(holding);
  }
  return {
    agentId: idOf(changed.agentId),
    hostname: changed.hostname,
    total,
    attributes,
    active: changed.active,
    holdings,
  };
}

/** Resources are counted by what they are, so the role they are allocated to is taken off. */
function holdingOf(
  allocation: Pick<internal.Allocation, 'frameworkId' | 'role' | 'resources'> | undefined,
): Holding | Failure {
  if (allocation === undefined) return failure('invalid', 'allocation must be set', { field: 'allocation' });
  const resources = resourcesFromProto(allocation.resources);
  if (isFailure(resources)) return resources;
  return {
    frameworkId: frameworkOf(allocation.frameworkId),
    role: allocation.role,
    resources: resources.unallocate(),
  };
}

function idOf(id: { readonly value?: string | undefined } | undefined): AgentId {
  return agentId(id?.value ?? '');
}

function frameworkOf(id: { readonly value?: string | undefined } | undefined): FrameworkId {
  return frameworkId(id?.value ?? '');
}
