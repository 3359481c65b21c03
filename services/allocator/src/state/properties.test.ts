import fc from 'fast-check';
import {
  Resources,
  agentId,
  carve,
  frameworkId,
  instant,
  isFailure,
  parseAttributes,
  type AgentConstraints,
  type AgentId,
  type FrameworkId,
  type Resource,
} from '@meseta/model';
import { defaultOptions, leastOf } from './default-options';
import type { Command, FrameworkDescription } from './command';
import type { Proposal } from './effect';
import { initialState } from './initial-state';
import { Oracle } from './oracle.testing';
import { random } from './policy/random';
import type { AllocatorOptions, AllocatorState } from './state';
import { step } from './step';

// Agents are given out in the order of their names here: what the oracle and the allocator would draw at random is not what is compared.
const byName: Partial<AllocatorOptions> = { agentOrder: { key: () => 0 } };

const runs = Number(process.env['FC_RUNS'] ?? 150);

describe('the fast allocator offers what the slow one offers', () => {
  const agree = (name: string, options: Partial<AllocatorOptions>): void =>
    test(name, () => {
      fc.assert(
        fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
          new Comparison({ ...defaultOptions, ...byName, ...options }).run(actions);
        }),
        { numRuns: runs },
      );
    });

  agree('by dominant shares', {});
  agree('by weighted draws', {
    ...(random.sorter !== undefined && { roleSorter: random.sorter, frameworkSorter: random.sorter }),
  });
  agree('with a cap on unanswered offers', { outstandingOffersMax: 2 });
  agree('with nothing too little and cpus not counted', { minAllocatable: [], excluded: new Set(['cpus']) });
});

type Action = readonly [kind: (typeof kinds)[number], a: number, b: number, c: number];

const kinds = [
  'turn',
  'turn',
  'turn',
  'agent',
  'agent',
  'framework',
  'framework',
  'decline',
  'decline',
  'decline',
  'accept',
  'accept',
  'finish',
  'finish',
  'removeAgent',
  'removeFramework',
  'suppress',
  'revive',
  'weight',
  'quota',
  'demand',
  'activate',
  'whitelist',
  'total',
] as const;

const action: fc.Arbitrary<Action> = fc.tuple(
  fc.constantFrom(...kinds),
  fc.nat(1000),
  fc.nat(1000),
  fc.nat(1000),
);

const roles = ['a', 'b', 'a/x', 'a/y', 'b/z/w', '*'] as const;

const dynamic = (name: string, units: number, role: string, more: Partial<Resource> = {}): Resource => ({
  name,
  value: { kind: 'scalar', milli: units * 1000 },
  reservations: role
    .split('/')
    .map((_, at, parts) => ({ type: 'DYNAMIC', role: parts.slice(0, at + 1).join('/') })),
  ...more,
});
const shared = dynamic('disk', 100, 'a', {
  disk: { persistence: { id: 'v' }, volume: { containerPath: 'data', mode: 'RW' } },
  shared: true,
});
const revocable: Resource = {
  name: 'cpus',
  value: { kind: 'scalar', milli: 3000 },
  reservations: [],
  revocable: true,
};

const totals: readonly Resources[] = [
  parsed('cpus:4;mem:4096;disk:1000'),
  parsed('cpus:8;mem:2048;ports:[31000-31009]'),
  parsed('cpus:2;mem:1024;cpus(a):2;mem(a):512'),
  parsed('cpus:4;mem:1024;gpus:1'),
  parsed('cpus:2;mem:2048').add(Resources.of([revocable])),
  parsed('cpus:2;mem:2048').add(Resources.of([shared, dynamic('cpus', 1, 'a/x'), dynamic('mem', 512, 'b')])),
  parsed('cpus:0.005;mem:16'),
];

const attributes = ['', 'rack:a', 'rack:b'].map((text) => {
  const read = parseAttributes(text);
  if (isFailure(read)) throw new Error(read.message);
  return read;
});

const domains = [undefined, { region: 'eu', zone: 'a' }, { region: 'eu', zone: 'b' }];

/** What the master takes back nobody refused. */
const takenBack = -1;

const rackA: AgentConstraints = [
  [{ selector: { kind: 'attribute', name: 'rack' }, predicate: { kind: 'equals', text: 'a' } }],
];

interface Held {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly agentId: AgentId;
  readonly resources: Resources;
}

/** Tells the allocator and the oracle the same history, as a master would, and compares what they offer. */
class Comparison {
  private readonly state: AllocatorState;
  private readonly oracle: Oracle;
  private now = instant(0);
  private offers: Proposal[] = [];
  private tasks: Held[] = [];
  private readonly agents = new Map<AgentId, Resources>();
  private readonly frameworks = new Map<FrameworkId, FrameworkDescription>();

  constructor(options: AllocatorOptions) {
    this.state = initialState(options);
    this.oracle = new Oracle(options);
  }

  run(actions: readonly Action[]): void {
    for (const one of actions) this.act(one);
    this.turn(true, 0);
  }

  private act([kind, a, b, c]: Action): void {
    const agent = agentId(`s${a % 4}`);
    const framework = frameworkId(`f${a % 4}`);
    switch (kind) {
      case 'turn':
        this.now = instant(this.now + (b % 4) * 500);
        return this.turn(c % 2 === 0, a);
      case 'agent': {
        const known = this.agents.get(agent);
        this.offers.filter((one) => one.agentId === agent).forEach((one) => this.back(one, takenBack));
        const used = this.tasks.filter((one) => one.agentId === agent);
        const total =
          used.length > 0 && known !== undefined ? known : (totals[b % totals.length] as Resources);
        this.agents.set(agent, total);
        return this.tell({
          kind: 'agentChanged',
          agent: {
            agentId: agent,
            hostname: agent,
            total,
            attributes: attributes[c % attributes.length] ?? [],
            domain: domains[(b + c) % domains.length],
            active: c % 7 !== 0,
            holdings: used.map((one) => ({ ...one, offers: 0 })),
          },
        });
      }
      case 'framework': {
        const count = 1 + (b % 2);
        const own = [
          ...new Set(Array.from({ length: count }, (_, at) => roles[(b + c * at) % roles.length] as string)),
        ];
        const description: FrameworkDescription = {
          frameworkId: framework,
          name: framework,
          roles: own,
          suppressedRoles: c % 9 === 0 ? own.slice(0, 1) : [],
          active: c % 6 !== 0,
          capabilities: [
            'GPU_RESOURCES',
            'REVOCABLE_RESOURCES',
            'SHARED_RESOURCES',
            'RESERVATION_REFINEMENT',
          ].filter((_, at) => (c >> at) % 2 === 1),
          constraints:
            c % 5 === 0 ? new Map([[own[0] as string, rackA]]) : new Map<string, AgentConstraints>(),
          least: new Map(c % 8 === 0 ? [[own[0] as string, b % 2 === 0 ? [] : [leastOf('cpus:3')]]] : []),
        };
        const mine = this.offers.filter((one) => one.frameworkId === framework);
        mine
          .filter((one) => !description.active || !own.includes(one.role))
          .forEach((one) => this.back(one, takenBack));
        this.frameworks.set(framework, description);
        return this.tell({ kind: 'frameworkChanged', framework: description });
      }
      case 'decline': {
        const offer = this.offers[a % Math.max(1, this.offers.length)];
        if (offer !== undefined) this.back(offer, [takenBack, 0, 300, 3000, 60_000][b % 5] as number);
        return;
      }
      case 'accept':
        return this.accept(a, b, c);
      case 'finish': {
        const [task] = this.tasks.splice(a % Math.max(1, this.tasks.length), 1);
        if (task !== undefined) this.tell({ kind: 'recovered', ...task, refuseMs: 0 });
        return;
      }
      case 'removeAgent':
        if (c % 3 !== 0) return;
        this.offers = this.offers.filter((one) => one.agentId !== agent);
        this.tasks = this.tasks.filter((one) => one.agentId !== agent);
        this.agents.delete(agent);
        return this.tell({ kind: 'agentRemoved', agentId: agent });
      case 'removeFramework':
        if (c % 3 !== 0) return;
        this.offers
          .filter((one) => one.frameworkId === framework)
          .forEach((one) => this.back(one, takenBack));
        this.frameworks.delete(framework);
        return this.tell({ kind: 'frameworkRemoved', frameworkId: framework });
      case 'suppress':
      case 'revive': {
        const own = this.frameworks.get(framework)?.roles ?? [];
        return this.tell({
          kind: kind === 'suppress' ? 'suppressed' : 'revived',
          frameworkId: framework,
          roles: b % 2 === 0 ? [] : own.slice(0, 1),
        });
      }
      case 'weight':
        return this.tell({
          kind: 'weightChanged',
          role: roles[a % roles.length] as string,
          weight: [1, 2, 0.5][b % 3] as number,
        });
      case 'quota': {
        const guarantee = [undefined, 'cpus:2', 'cpus:4;mem:1024', 'mem:3000'][b % 4];
        const limit = [undefined, 'cpus:4;mem:4096', 'cpus:6'][c % 3];
        return this.tell({
          kind: 'quotaChanged',
          quota: {
            role: a % 2 === 0 ? 'a' : 'b',
            guarantees: guarantee === undefined ? new Map() : leastOf(guarantee),
            limits: limit === undefined ? new Map() : leastOf(limit),
          },
        });
      }
      case 'demand': {
        const own = this.frameworks.get(framework)?.roles ?? [];
        const demands = own.slice(0, b % 3).map((role, at) => ({
          id: `d${at}`,
          role,
          perTask: leastOf(['cpus:1;mem:100', 'cpus:0.5;ports:[1-2]', 'mem:700'][c % 3] as string),
          count: 1 + (c % 4),
          constraints: c % 5 === 0 ? rackA : undefined,
        }));
        return this.tell({ kind: 'demanded', frameworkId: framework, demands });
      }
      case 'activate':
        this.offers.filter((one) => one.agentId === agent).forEach((one) => this.back(one, takenBack));
        return this.tell({ kind: 'agentActivated', agentId: agent, active: b % 2 === 0 });
      case 'whitelist':
        return this.tell({
          kind: 'whitelistChanged',
          hostnames: b % 3 > 0 ? undefined : new Set(['s0', `s${c % 4}`]),
        });
      case 'total': {
        const known = this.agents.get(agent);
        if (known === undefined) return;
        const total = b % 2 === 0 ? known.add(parsed('cpus:1')) : known.add(Resources.of([revocable]));
        this.agents.set(agent, total);
        return this.tell({ kind: 'totalChanged', agentId: agent, total });
      }
    }
  }

  /** A task takes some cpus and memory of an offer; the rest goes back. */
  private accept(a: number, b: number, c: number): void {
    const offer = this.offers[a % Math.max(1, this.offers.length)];
    if (offer === undefined) return;
    const wanted = new Map(
      [...offer.resources.quantities()]
        .filter(([name]) => name === 'cpus' || name === 'mem')
        .map(([name, milli]) => [name, Math.ceil((milli * (1 + (b % 3))) / 3)]),
    );
    const used = b % 4 === 3 ? offer.resources : (carve(offer.resources, wanted) ?? Resources.empty);
    if (used.isEmpty) return this.back(offer, 0);
    this.offers.splice(this.offers.indexOf(offer), 1);
    const { frameworkId: id, agentId: agent, role } = offer;
    this.tasks.push({ frameworkId: id, role, agentId: agent, resources: used });
    this.tell({ kind: 'accepted', frameworkId: id, agentId: agent, role, offers: 1 });
    const left = offer.resources.subtract(used);
    // Of a part nobody says for how many tasks it had room.
    const { tasks: _, ...rest } = offer;
    if (!left.isEmpty)
      this.tell({
        kind: 'recovered',
        ...rest,
        resources: left,
        refuseMs: c % 2 === 0 ? 0 : 2000,
        unused: true,
      });
  }

  private back(offer: Proposal, refuseMs: number): void {
    this.offers.splice(this.offers.indexOf(offer), 1);
    this.tell({ kind: 'recovered', ...offer, refuseMs, unused: true, offers: 1 });
  }

  private tell(command: Command): void {
    step(this.state, command, this.now);
    this.oracle.step(command, this.now);
  }

  private turn(everyAgent: boolean, seed: number): void {
    const command: Command = { kind: 'allocate', everyAgent, seed };
    const fast = step(this.state, command, this.now).flatMap((effect) =>
      effect.kind === 'propose' ? effect.proposals : [],
    );
    const slow = this.oracle.step(command, this.now);
    expect(fast.map(told)).toEqual(slow.map(told));
    this.offers.push(...fast);
  }
}

function told({ frameworkId: to, role, agentId: agent, resources }: Proposal): string {
  const entries = resources.entries.map((entry) => Resources.of([entry]).toString()).sort();
  return `${to} (${role}) ${agent} ${entries.join(';')}`;
}

function parsed(text: string): Resources {
  const read = Resources.parse(text);
  if (isFailure(read)) throw new Error(read.message);
  return read;
}
