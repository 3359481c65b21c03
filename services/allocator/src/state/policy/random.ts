import type { Policy } from './policy';

/**
 * A weighted draw for each agent: who has twice the weight is first twice as often (A24). The agents themselves come in random order, which is
 * the default of every policy.
 *
 * The smallest of independent exponential variates with rates w is the i-th with probability w_i / Σw (Efraimidis and Spirakis,
 * "Weighted random sampling with a reservoir", 2006).
 */
export const random: Policy = {
  name: 'random',
  sorter: { key: ({ weight }, draw) => -Math.log(1 - draw) / weight, usesRandom: true },
  agents: { key: (_agent, draw) => draw },
};
