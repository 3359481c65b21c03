import { failure, isWithin, validateRole, type Failure } from '@meseta/model';
import type { Command } from './command';
import { rescind } from './offers';
import { unlisted } from './role-list';
import { commit, reply, tellAllocator, type Turn } from './turn';

/**
 * UPDATE_WEIGHTS (A22): all of the weights are set, or none. If a role of them has frameworks, who deserves what has changed for everyone: every offer is taken back, and made anew by the new
 * weights (A23).
 */
export function stepUpdateWeights(turn: Turn, command: Extract<Command, { kind: 'updateWeights' }>): void {
  const { state } = turn;
  for (const one of command.weights) {
    const refused = validateWeight(one) ?? unlisted(state.options, [one.role]);
    if (refused !== undefined) return reply(turn, command.call, refused);
  }
  // Of one that is named twice the last counts.
  for (const [role, weight] of new Map(command.weights.map(({ role, weight }) => [role, weight]))) {
    state.weights.set(role, weight);
    commit(turn, { $case: 'setWeight', value: { role, weight } });
    tellAllocator(turn, { kind: 'weightChanged', role, weight });
  }
  const changed = command.weights.map(({ role }) => role);
  const counts = [...state.frameworks.values()].some((framework) =>
    framework.roles.some((role) => changed.some((ancestor) => isWithin(role, ancestor))),
  );
  if (counts) for (const offer of [...state.offers.values()]) rescind(turn, offer);
  reply(turn, command.call);
}

function validateWeight({
  role,
  weight,
}: {
  readonly role: string;
  readonly weight: number;
}): Failure | undefined {
  const refused = validateRole(role);
  if (refused !== undefined) return refused;
  if (weight > 0 && Number.isFinite(weight)) return undefined;
  return failure('invalid', `weight of role ${role} must be greater than 0`, { field: 'weight' });
}
