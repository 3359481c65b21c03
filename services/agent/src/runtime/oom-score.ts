import { totalmem } from 'node:os';
import type { ContainerLimits } from './container-runtime';

/** The least that one gets that may use more than it asked for, and the most that anybody may get, proc(5). */
const scoreMin = 2;
const scoreMax = 999;

/**
 * Who may use more memory than it asked for is ended before others when the machine has none left, the sooner the less it asked for (G53).
 *
 * @returns what is added to what the kernel thinks of it; undefined for one that has a bound where its request is
 */
export function oomScoreOf(
  { memoryBytes, memoryRequestBytes }: ContainerLimits,
  machineBytes: number = totalmem(),
): number | undefined {
  if (memoryRequestBytes === undefined) return undefined;
  if (memoryBytes !== undefined && memoryBytes <= memoryRequestBytes) return undefined;
  const score = 1000 - Math.floor((1000 * memoryRequestBytes) / machineBytes);
  return Math.min(scoreMax, Math.max(scoreMin, score));
}
