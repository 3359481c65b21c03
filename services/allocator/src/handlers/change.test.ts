import { Resources, isFailure } from '@meseta/model';
import { internal, resourcesToProto } from '@meseta/protocol';
import type { Command } from '../state/command';
import { commandOf } from './change';

type Change = NonNullable<internal.AllocationChange['change']>;

/** A change as it comes off the wire: what is not set has its default. */
function read<Kind extends Change['$case']>($case: Kind, value: object): ReturnType<typeof commandOf> {
  const change = { $case, value } as Change;
  const bytes = internal.AllocationChange.encode(
    internal.AllocationChange.fromPartial({ change } as never),
  ).finish();
  return commandOf(internal.AllocationChange.decode(bytes));
}

const cpus = (units: number) => {
  const parsed = Resources.parse(`cpus:${units}`);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
};
const ids = { agentId: { value: 'S' }, frameworkId: { value: 'F' } };

test('an agent: where it is, why it is withheld, when it will be away, and who holds what in how many offers', () => {
  const command = read('agentChanged', {
    agentId: { value: 'S' },
    hostname: 'h',
    total: resourcesToProto(cpus(4)),
    active: false,
    withheld: 'draining',
    domain: { faultDomain: { region: { name: 'r' }, zone: { name: 'z' } } },
    unavailability: { start: { nanoseconds: 5_000_000_000n }, duration: { nanoseconds: 1_000_000_000n } },
    allocations: [
      {
        frameworkId: { value: 'F' },
        role: 'a',
        resources: resourcesToProto(cpus(1).allocate('a')),
        offers: 1,
      },
    ],
  }) as Extract<Command, { kind: 'agentChanged' }>;
  const { holdings, total, ...agent } = command.agent;
  expect(agent).toEqual({
    agentId: 'S',
    hostname: 'h',
    attributes: [],
    active: false,
    withheld: 'draining',
    domain: { region: 'r', zone: 'z' },
    unavailability: { startMs: 5000, durationMs: 1000 },
  });
  expect(total.toString()).toBe('cpus:4');
  expect(holdings.map(({ resources, ...rest }) => [resources.equals(cpus(1)), rest])).toEqual([
    [true, { frameworkId: 'F', role: 'a', offers: 1 }],
  ]);
});

test('ports that the kernel of an agent gives out by itself are not offered (R6)', () => {
  const parsed = Resources.parse('cpus:4;ports:[1-2];ephemeral_ports:[32768-57344]');
  if (isFailure(parsed)) throw new Error(parsed.message);
  const total = resourcesToProto(parsed);
  const changed = read('agentChanged', { ...ids, hostname: 'h', total }) as Extract<
    Command,
    { kind: 'agentChanged' }
  >;
  const lent = read('totalChanged', { ...ids, total }) as Extract<Command, { kind: 'totalChanged' }>;
  for (const kept of [changed.agent.total, lent.total]) expect(kept.toString()).toBe('cpus:4;ports:[1-2]');
});

test('a framework: its constraints are compiled, its minimum read', () => {
  const command = read('frameworkChanged', {
    frameworkId: { value: 'F' },
    roles: ['a'],
    active: true,
    offerConstraints: {
      roleConstraints: {
        a: {
          groups: [
            {
              attributeConstraints: [
                {
                  selector: { selector: { $case: 'pseudoattributeType', value: 'HOSTNAME' } },
                  predicate: { predicate: { $case: 'textMatches', value: { regex: 'db-.*' } } },
                },
              ],
            },
          ],
        },
      },
    },
    offerFilters: {
      a: { minAllocatableResources: { quantities: [{ quantities: { cpus: { value: 2 } } }] } },
    },
  }) as Extract<Command, { kind: 'frameworkChanged' }>;
  const [[constraint] = []] = command.framework.constraints?.get('a') ?? [];
  expect(constraint).toMatchObject({
    selector: { kind: 'hostname' },
    predicate: { kind: 'matches', pattern: 'db-.*' },
  });
  expect([...(command.framework.least?.get('a')?.[0] ?? [])]).toEqual([['cpus', 2000]]);
});

test.each<[Change['$case'], object, object]>([
  [
    'agentActivated',
    { agentId: { value: 'S' }, active: true },
    { kind: 'agentActivated', agentId: 'S', active: true },
  ],
  ['agentRemoved', { agentId: { value: 'S' } }, { kind: 'agentRemoved', agentId: 'S' }],
  ['totalChanged', { agentId: { value: 'S' } }, { kind: 'totalChanged', agentId: 'S' }],
  ['converted', { ...ids, role: 'a' }, { kind: 'converted', holder: { frameworkId: 'F', role: 'a' } }],
  ['converted', { agentId: { value: 'S' } }, { kind: 'converted', holder: undefined }],
  ['unavailabilityChanged', { agentId: { value: 'S' } }, { unavailability: undefined }],
  [
    'unavailabilityChanged',
    { agentId: { value: 'S' }, unavailability: { start: { nanoseconds: 1_000_000n } } },
    { unavailability: { startMs: 1, durationMs: undefined } },
  ],
  [
    'inverseOfferAnswered',
    { ...ids, refuseMs: 5n },
    { kind: 'inverseOfferAnswered', agentId: 'S', frameworkId: 'F', refuseMs: 5 },
  ],
  ['frameworkRemoved', { frameworkId: { value: 'F' } }, { kind: 'frameworkRemoved', frameworkId: 'F' }],
  [
    'recovered',
    { ...ids, role: 'a', refuseMs: 5n, offers: 1, unused: true },
    { kind: 'recovered', role: 'a', refuseMs: 5, offers: 1, unused: true },
  ],
  [
    'offersAccepted',
    { ...ids, role: 'a', offers: 2 },
    { kind: 'accepted', agentId: 'S', frameworkId: 'F', role: 'a', offers: 2 },
  ],
  ['suppressed', { frameworkId: { value: 'F' }, roles: ['a'] }, { kind: 'suppressed', roles: ['a'] }],
  ['revived', { frameworkId: { value: 'F' } }, { kind: 'revived', roles: [] }],
  ['weightChanged', { role: 'a', weight: 2 }, { kind: 'weightChanged', role: 'a', weight: 2 }],
  [
    'quotaChanged',
    {
      config: {
        role: 'a',
        guarantees: { cpus: { value: 1 }, mem: { value: 0 } },
        limits: { mem: { value: 0 } },
      },
    },
    { quota: { role: 'a', guarantees: new Map([['cpus', 1000]]), limits: new Map([['mem', 0]]) } },
  ],
  [
    'demanded',
    {
      frameworkId: { value: 'F' },
      demands: [{ id: 'd', role: 'a', count: 3, resources: { ports: { value: 2 } } }],
    },
    {
      demands: [
        { id: 'd', role: 'a', count: 3, perTask: new Map([['ports', 2000]]), constraints: undefined },
      ],
    },
  ],
  [
    'clusterChanged',
    { expectedAgents: 5, electedAtMs: 7n },
    { region: undefined, expectedAgents: 5, electedAtMs: 7 },
  ],
])('%s', (kind, value, command) => expect(read(kind, value)).toMatchObject(command));

test.each<[string, Change['$case'], object, string]>([
  [
    'a weight of nothing',
    'weightChanged',
    { role: 'a', weight: 0 },
    'weight of role a must be greater than 0',
  ],
  ['a quota without a configuration', 'quotaChanged', {}, 'config must be set'],
  [
    'an amount below nothing',
    'quotaChanged',
    { config: { limits: { cpus: { value: -1 } } } },
    'config.limits[cpus] must not be negative',
  ],
  [
    'a kind that is not known',
    'unknown' as Change['$case'],
    {},
    'change must be set to a kind that this allocator knows',
  ],
])('%s is refused', (_what, kind, value, message) =>
  expect(read(kind, value)).toMatchObject({ kind: 'invalid', message }),
);
