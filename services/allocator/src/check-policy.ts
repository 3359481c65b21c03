import { Resources, agentId, frameworkId, instant } from '@meseta/model';
import { defaultOptions } from './state/default-options';
import type { Proposal } from './state/effect';
import { initialState } from './state/initial-state';
import type { AgentView, Contender, Policy } from './state/policy/policy';
import { step } from './state/step';

/**
 * The suite for authors of policies: what every policy must do, whatever it prefers. It needs no test framework.
 *
 * ```ts
 * test('the policy keeps the rules', () => expect(checkPolicy(policy)).toEqual([]));
 * ```
 *
 * @returns one line for each rule that is broken; empty when the policy may be used
 */
export function checkPolicy(policy: Policy): readonly string[] {
  const broken = new Set<string>();
  if (!/^[a-z][a-z0-9-]*$/.test(policy.name)) broken.add('name must be small letters, digits and dashes');
  if (policy.sorter === undefined && policy.agents === undefined)
    broken.add('it must have a sorter or an order of agents');
  checkSorter(policy, broken);
  checkAgents(policy, broken);
  if (broken.size === 0) checkTurns(policy, broken);
  return [...broken];
}

function checkSorter({ sorter }: Policy, broken: Set<string>): void {
  if (sorter === undefined) return;
  for (const share of [0, 1e-9, 0.25, 1])
    for (const weight of [0.001, 1, 1000])
      for (const offers of [0, 1, 1_000_000]) {
        const contender: Contender = Object.freeze({
          name: 'team/a',
          share,
          weight,
          offers,
          held: () => share * 100,
        });
        checkKey('sorter', (random) => sorter.key(contender, random), sorter.usesRandom === true, broken);
      }
}

function checkAgents({ agents }: Policy, broken: Set<string>): void {
  if (agents === undefined) return;
  for (const names of [[], ['cpus'], ['cpus', 'mem', 'gpus']])
    for (const free of [0, 0.5, 1]) {
      const agent: AgentView = Object.freeze({
        id: 'agent-1',
        hostname: 'host-1',
        names,
        total: (name: string) => (names.includes(name) ? 8 : 0),
        free: (name: string) => (names.includes(name) ? 8 * free : 0),
      });
      checkKey('agents', (random) => agents.key(agent, random), true, broken);
    }
}

function checkKey(
  part: string,
  key: (random: number) => number,
  mayUseRandom: boolean,
  broken: Set<string>,
): void {
  try {
    for (const random of [0, 0.5, 1 - Number.EPSILON]) {
      const first = key(random);
      if (typeof first !== 'number' || Number.isNaN(first))
        broken.add(`${part}.key must be a number, and never NaN`);
      if (key(random) !== first) broken.add(`${part}.key must be the same for the same arguments`);
      if (!mayUseRandom && key(0.25) !== first)
        broken.add(`${part}.key uses random, and usesRandom is not true`);
    }
  } catch (error) {
    broken.add(`${part}.key must not throw: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A small cluster under the policy: everything free is offered, once, to somebody, and again when it comes back. */
function checkTurns(policy: Policy, broken: Set<string>): void {
  const state = initialState({
    ...defaultOptions,
    ...(policy.sorter !== undefined && { roleSorter: policy.sorter, frameworkSorter: policy.sorter }),
    agentOrder: policy.agents,
  });
  const now = instant(0);
  for (const name of ['a', 'b', 'c/d', 'c/e'])
    step(
      state,
      {
        kind: 'frameworkChanged',
        framework: {
          frameworkId: frameworkId(name),
          name,
          roles: [name],
          suppressedRoles: [],
          active: true,
          capabilities: [],
        },
      },
      now,
    );
  for (let at = 0; at < agentsInTrial; at++)
    step(
      state,
      {
        kind: 'agentChanged',
        agent: {
          agentId: agentId(`agent-${at}`),
          hostname: `host-${at}`,
          total: Resources.of([{ name: 'cpus', value: { kind: 'scalar', milli: 4000 }, reservations: [] }]),
          attributes: [],
          active: true,
          holdings: [],
        },
      },
      now,
    );
  for (let turn = 0; turn < 3; turn++) {
    const offers: Proposal[] = [];
    for (const effect of step(state, { kind: 'allocate', everyAgent: true, seed: turn }, now))
      if (effect.kind === 'propose') offers.push(...effect.proposals);
    if (
      new Set(offers.map((offer) => offer.agentId)).size !== agentsInTrial ||
      offers.length !== agentsInTrial
    )
      broken.add('everything that is free must be offered, to one framework');
    for (const offer of offers)
      step(state, { kind: 'recovered', ...offer, refuseMs: -1, unused: true, offers: 1 }, now);
  }
}

const agentsInTrial = 6;
