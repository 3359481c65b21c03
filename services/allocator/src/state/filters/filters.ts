import { declined } from './declined';
import type { Candidate, Filter } from './filter';

const inactiveAgent: Filter = {
  name: 'inactive',
  refuse: ({ agent }) => (agent.active ? undefined : 'the agent is not connected or not active'),
};

const nothingFree: Filter = {
  name: 'nothing-free',
  refuse: ({ agent, resources, role }) =>
    resources.isEmpty
      ? agent.free.isEmpty
        ? 'everything on the agent is offered or used'
        : `what is free on the agent is not for role ${role}`
      : undefined,
};

/** An offer with next to nothing in it only costs everybody time (R65). */
const tooLittle: Filter = {
  name: 'too-little',
  refuse({ resources, options }) {
    if (options.minAllocatable.length === 0) return undefined;
    if (options.minAllocatable.some((least) => holdsAtLeast(resources, least))) return undefined;
    return `what is free is less than ${options.minAllocatable.map((least) => least.toString()).join(' or ')}`;
  },
};

/** Gpus are rare: only frameworks that say they want them see agents that have them (S42). */
const gpus: Filter = {
  name: 'gpus',
  refuse: ({ agent, framework }) =>
    agent.total.scalarMilli('gpus') > 0 && !framework.capabilities.has('GPU_RESOURCES')
      ? 'the agent has gpus and the framework lacks the capability GPU_RESOURCES'
      : undefined,
};

/** In the order in which they are asked; the first refusal is the one that is told. */
const filters: readonly Filter[] = [inactiveAgent, gpus, nothingFree, tooLittle, declined];

/** The first filter that refuses, and why; undefined when the resources may be offered. */
export function refusal(
  candidate: Candidate,
): { readonly filter: string; readonly reason: string } | undefined {
  for (const filter of filters) {
    const reason = filter.refuse(candidate);
    if (reason !== undefined) return { filter: filter.name, reason };
  }
  return undefined;
}

function holdsAtLeast(resources: Candidate['resources'], least: Candidate['resources']): boolean {
  for (const [name, milli] of least.quantities())
    if ((resources.quantities().get(name) ?? 0) < milli) return false;
  return true;
}
