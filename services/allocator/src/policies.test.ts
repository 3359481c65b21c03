import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Resources, agentId, frameworkId, instant } from '@meseta/model';
import { checkPolicy } from './check-policy';
import { builtInPolicies, loadPolicy } from './load-policy';
import { defaultOptions } from './state/default-options';
import { initialState } from './state/initial-state';
import type { Command } from './state/command';
import { random } from './state/policy/random';
import { step } from './state/step';

const example = join(__dirname, '../../../examples/turn-taking-policy/policy.js');

test.each(builtInPolicies.map((policy) => [policy.name, policy] as const))(
  '%s keeps the rules of policies',
  (_name, policy) => expect(checkPolicy(policy)).toEqual([]),
);

test('a policy is loaded by its path, from wherever the allocator runs, and keeps the rules', async () => {
  const policy = await loadPolicy('--role-sorter', relative(process.cwd(), example), 'sorter');
  expect(policy.name).toBe('turn-taking');
  expect(checkPolicy(policy)).toEqual([]);
});

test('the suite names what a policy breaks', () => {
  expect(checkPolicy({ name: 'No Name' })).toEqual([
    'name must be small letters, digits and dashes',
    'it must have a sorter or an order of agents',
  ]);
  expect(
    checkPolicy({ name: 'a', sorter: { key: ({ share, weight }) => (share - 1) / (weight - 1) } }),
  ).toEqual([
    'sorter.key must be a number, and never NaN',
    'sorter.key must be the same for the same arguments',
    'sorter.key uses random, and usesRandom is not true',
  ]);
  expect(checkPolicy({ name: 'a', sorter: { key: (_contender, random) => random } })).toEqual([
    'sorter.key uses random, and usesRandom is not true',
  ]);
  const throws = (): never => {
    throw new Error('no');
  };
  expect(checkPolicy({ name: 'a', agents: { key: throws } })).toEqual(['agents.key must not throw: no']);
});

test.each([
  ['fair', 'sorter', "'fair' must be one of drf, random, binpack, spread, or the path of a module"],
  ['./nowhere.js', 'sorter', './nowhere.js cannot be loaded'],
  ['drf', 'agents', 'policy drf has no agents'],
] as const)('%s for %s is refused', async (name, part, why) => {
  await expect(loadPolicy('--role-sorter', name, part)).rejects.toThrow(`--role-sorter: ${why}`);
});

test('a module without a policy is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meseta-policy-'));
  try {
    const path = join(folder, 'policy.js');
    await writeFile(path, 'exports.policy = { name: "x", sorter: {} };');
    await expect(loadPolicy('--role-sorter', path, 'sorter')).rejects.toThrow('must export a policy');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a weighted draw gives three times the weight three times the agents (A24)', () => {
  const { sorter } = random;
  const state = initialState({
    ...defaultOptions,
    ...(sorter !== undefined && { roleSorter: sorter, frameworkSorter: sorter }),
  });
  const now = instant(0);
  for (const name of ['a', 'b']) step(state, framework(name), now);
  step(state, { kind: 'weightChanged', role: 'a', weight: 3 }, now);
  step(state, agentOf('s', 'cpus:1'), now);
  const offeredTo = { a: 0, b: 0 };
  for (let seed = 0; seed < 1000; seed++)
    for (const effect of step(state, { kind: 'allocate', everyAgent: true, seed }, now)) {
      if (effect.kind !== 'propose') continue;
      for (const offer of effect.proposals) {
        offeredTo[offer.role as 'a' | 'b'] += 1;
        step(state, { kind: 'recovered', ...offer, refuseMs: -1, unused: true, offers: 1 }, now);
      }
    }
  // The seeds are given, and so is what is drawn: 750 are expected, and the deviation of a thousand draws is 14.
  expect(offeredTo.a + offeredTo.b).toBe(1000);
  expect(Math.abs(offeredTo.a - 750)).toBeLessThan(42);
});

test('a loaded policy decides: turns are taken however much somebody holds', async () => {
  const { sorter } = await loadPolicy('--role-sorter', example, 'sorter');
  if (sorter === undefined) throw new Error('the example has a sorter');
  const state = initialState({ ...defaultOptions, roleSorter: sorter, frameworkSorter: sorter });
  for (const name of ['a', 'b']) step(state, framework(name), instant(0));
  const offeredTo: string[] = [];
  for (const [name, cpus] of [
    ['s1', 1],
    ['s2', 16],
    ['s3', 1],
    ['s4', 1],
  ] as const) {
    step(state, agentOf(name, `cpus:${cpus}`), instant(0));
    for (const effect of step(state, { kind: 'allocate', everyAgent: false, seed: 1 }, instant(0)))
      if (effect.kind === 'propose') offeredTo.push(...effect.proposals.map((one) => one.frameworkId));
  }
  // By shares a would have been offered s3, being far behind b.
  expect(offeredTo).toEqual(['a', 'b', 'a', 'b']);
});

function framework(name: string): Command {
  return {
    kind: 'frameworkChanged',
    framework: {
      frameworkId: frameworkId(name),
      name,
      roles: [name],
      suppressedRoles: [],
      active: true,
      capabilities: [],
    },
  };
}

function agentOf(name: string, resources: string): Command {
  const total = Resources.parse(resources) as Resources;
  return {
    kind: 'agentChanged',
    agent: { agentId: agentId(name), hostname: name, total, attributes: [], active: true, holdings: [] },
  };
}
