import type { Resource } from '@meseta/protocol';
import type { AgentState } from './state';

// Gpus are not alike to whoever holds one: each is a device, and two tasks must not have the same. So the agent says which are whose, in its records.

/** How many gpus are asked for. */
export function gpuCount(...resources: readonly (readonly Resource[])[]): number {
  let count = 0;
  for (const { name, scalar } of resources.flat()) if (name === 'gpus') count += scalar?.value ?? 0;
  return count;
}

/** The gpus that nobody has, in the order in which they are given out. */
export function freeGpus(state: AgentState): readonly string[] {
  const held = new Set<string>();
  for (const { gpus, phase } of [...state.tasks.values(), ...state.executors.values()])
    if (phase !== 'ended') for (const gpu of gpus) held.add(gpu);
  return (state.gpus ?? []).filter((gpu) => !held.has(gpu));
}

/** The gpus for what is launched now: the first that are free, so that the same history gives the same ones. */
export function takeGpus(state: AgentState, resources: readonly Resource[]): readonly string[] {
  const count = state.gpus === undefined ? 0 : gpuCount(resources);
  return count === 0 ? [] : freeGpus(state).slice(0, count);
}
