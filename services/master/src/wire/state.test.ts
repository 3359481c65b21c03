import {
  Resources,
  agentId,
  executorId,
  frameworkId,
  instant,
  isFailure,
  offerId,
  taskId,
  type ResourceOperation,
} from '@meseta/model';
import { resourcesFromProto, resourcesToProto, type Resource } from '@meseta/protocol';
import { fixedOptions } from '../config';
import type { Command, OfferOperation } from '../state/command';
import { recover } from '../state/recovery';
import { step } from '../state/step';
import type { MasterState } from '../state/state';
import { eventToProto } from './events';
import { dialectOf } from './resources';
import { agentsToProto, frameworksToProto, rolesToProto } from './state';

/** A master whose agent A1 has these resources, with frameworks m-0000 of role a and m-0001 of role b. */
class Cluster {
  readonly state: MasterState = recover(
    { masterId: 'm', cluster: 'test', term: 1 },
    {
      pingIntervalMs: 15_000,
      pingsMissedMax: 5,
      agentReregisterTimeoutMs: 600_000,
      offerTimeoutMs: 0,
      ...fixedOptions,
      frameworkReregisterTimeoutMs: 60_000,
      agentRemovalIntervalMs: 0,
    },
    { agents: [], frameworks: [], weights: [] },
    instant(0),
  ).state;

  constructor(total: Resources) {
    this.do({
      kind: 'agentRegister',
      session: 'A1',
      agentId: undefined,
      info: { hostname: 'h', resources: [], attributes: [] },
      cluster: '',
      version: '1',
      capabilities: [],
      grpcAddress: 'a:1',
      httpAddress: 'a:2',
      total,
      oversubscribed: Resources.empty,
      attributes: [],
      domain: undefined,
      tasks: [],
      executors: [],
      operations: [],
      frameworks: [],
    });
    for (const role of ['a', 'b'])
      this.do({
        kind: 'subscribe',
        stream: role,
        framework: {
          info: { name: role, user: 'nobody', roles: [role], capabilities: [], offerFilters: {} },
          id: undefined,
          roles: [role],
          capabilities: new Set(['MULTI_ROLE']),
          failoverTimeoutMs: 0,
        },
        suppressedRoles: [],
      });
  }

  do(command: Command): void {
    step(this.state, command, instant(0));
  }

  /** Framework 0 or 1 gets an offer, and answers with a task in an executor if it is to. */
  offer(framework: 0 | 1, resources: Resources, launch?: { task: Resources; executor: Resources }): void {
    const who = frameworkId(`m-000${framework}`);
    const offer = offerId(`m-O${this.state.nextOffer}`);
    this.do({
      kind: 'proposals',
      version: this.state.allocationVersion,
      proposals: [
        {
          frameworkId: who,
          agentId: agentId('m-A0'),
          resources,
          role: framework === 0 ? 'a' : 'b',
          allocatedAtMs: 0,
          traceparent: '',
          tasks: new Map(),
        },
      ],
    });
    if (launch === undefined) return;
    const id = `T${this.state.nextOffer}`;
    const info = { executorId: { value: 'E' }, resources: [] };
    const operation: OfferOperation = {
      kind: 'launch',
      uuid: '',
      id: undefined,
      tasks: [
        {
          taskId: taskId(id),
          info: { taskId: { value: id }, agentId: { value: 'm-A0' }, resources: [], limits: {} },
          resources: launch.task,
          executor: {
            executorId: executorId('E'),
            info: { ...info, command: { value: 'e', uris: [], arguments: [] } },
            resources: launch.executor,
          },
        },
      ],
    };
    this.do({
      kind: 'accept',
      call: 1,
      frameworkId: who,
      stream: '',
      accepts: [{ offerIds: [offer], refuseMs: 0, operations: [operation] }],
    });
  }

  operate(operation: ResourceOperation): void {
    this.do({
      kind: 'operateAgent',
      call: 1,
      agentId: agentId('m-A0'),
      uuid: 'f'.repeat(32),
      info: {},
      operation,
    });
  }
}

function parse(text: string): Resources {
  const resources = Resources.parse(text);
  if (isFailure(resources)) throw new Error(resources.message);
  return resources;
}

function read(listed: readonly Resource[]): Resources {
  const resources = resourcesFromProto(listed);
  if (isFailure(resources)) throw new Error(resources.message);
  return resources;
}

function sum(all: readonly (readonly Resource[])[]): Resources {
  return all.reduce<Resources>((total, one) => total.add(read(one)), Resources.empty);
}

describe('what operators are told', () => {
  test('R68: sums per agent, per framework and per role agree while tasks run in executors and offers are out', () => {
    const cluster = new Cluster(parse('cpus:8;mem:800;ports:[1-100]'));
    cluster.offer(0, parse('cpus:2;mem:200;ports:[1-10]'), {
      task: parse('cpus:1;ports:[1-1]'),
      executor: parse('cpus:0.5;mem:64'),
    });
    cluster.offer(1, parse('cpus:2;mem:100'), { task: parse('cpus:1'), executor: parse('mem:32') });
    cluster.offer(1, parse('cpus:1;ports:[50-60]'));
    const [agent] = agentsToProto(cluster.state).agents;
    const { frameworks } = frameworksToProto(cluster.state);
    const roles = rolesToProto(cluster.state);
    const used = read(agent?.allocatedResources ?? []);
    const offered = read(agent?.offeredResources ?? []);
    expect(used.unallocate().toString()).toBe('cpus:2.5;ports:[1-1];mem:96');
    expect(sum(frameworks.map((one) => one.allocatedResources)).equals(used)).toBe(true);
    expect(sum(frameworks.map((one) => one.offeredResources)).equals(offered)).toBe(true);
    expect(sum(roles.map((one) => one.resources)).equals(used.add(offered).unallocate())).toBe(true);
    const free = read(agent?.totalResources ?? []).subtract(used.add(offered).unallocate());
    expect(free.toString()).toBe('cpus:4.5;mem:704;ports:[2-49,61-100]');
  });

  test('R14: what is used and offered names its role, and what an agent has does not', () => {
    const cluster = new Cluster(parse('cpus:8'));
    cluster.offer(0, parse('cpus:2'), { task: parse('cpus:1'), executor: parse('cpus:0.5') });
    cluster.offer(1, parse('cpus:3'));
    const [agent] = agentsToProto(cluster.state).agents;
    const rolesOf = (listed: readonly Resource[] = []) =>
      listed.map(({ allocationInfo, scalar }) => [allocationInfo?.role, scalar?.value]);
    expect(rolesOf(agent?.allocatedResources)).toEqual([['a', 1.5]]);
    expect(rolesOf(agent?.offeredResources)).toEqual([['b', 3]]);
    expect(rolesOf(agent?.totalResources)).toEqual([[undefined, 8]]);
  });

  test('R21, R23: a role is known while something is reserved to it', () => {
    const cluster = new Cluster(parse('cpus:8;cpus(static):1'));
    const names = () => rolesToProto(cluster.state).map(({ name }) => name);
    const resources = parse('cpus:1').map((one) => ({
      ...one,
      reservations: [
        { type: 'DYNAMIC', role: 'eng' },
        { type: 'DYNAMIC', role: 'eng/web' },
      ],
    }));
    const below = resources.map((one) => ({ ...one, reservations: one.reservations.slice(0, 1) }));
    expect(names()).toEqual(['static', 'a', 'b']);
    cluster.operate({ kind: 'reserve', resources: below, source: Resources.empty });
    expect(names()).toEqual(['static', 'eng', 'a', 'b']);
    cluster.operate({ kind: 'reserve', resources, source: Resources.empty });
    expect(names()).toEqual(['static', 'eng', 'eng/web', 'a', 'b']);
    cluster.operate({ kind: 'unreserve', resources });
    expect(names()).toEqual(['static', 'eng', 'a', 'b']);
    cluster.operate({ kind: 'unreserve', resources: below });
    expect(names()).toEqual(['static', 'a', 'b']);
  });

  test('R43: an offer shows a volume as it was made, whatever its last task made of it', () => {
    const volume = (containerPath: string): Resources =>
      parse('disk:10').map((one) => ({
        ...one,
        reservations: [{ type: 'DYNAMIC', role: 'a' }],
        disk: { persistence: { id: 'v' }, volume: { containerPath, mode: 'RW' } },
      }));
    const cluster = new Cluster(parse('cpus:2').add(volume('data')));
    cluster.offer(0, parse('cpus:1').add(volume('elsewhere')));
    const [agent] = agentsToProto(cluster.state).agents;
    const [framework] = frameworksToProto(cluster.state).frameworks;
    for (const listed of [
      agent?.offeredResources,
      framework?.offeredResources,
      framework?.offers[0]?.resources,
    ])
      expect(listed?.find(({ name }) => name === 'disk')?.disk?.volume?.containerPath).toBe('data');
  });
});

describe('what an operation made', () => {
  const reserved = parse('cpus:1').map((one) => ({
    ...one,
    reservations: [{ type: 'DYNAMIC', role: 'a', principal: 'ops' }],
  }));

  test.each<[string, object, readonly string[]]>([
    ['a stack for who understands refinement', { reservations: [{ role: 'a' }] }, ['RESERVATION_REFINEMENT']],
    ['a role and a reservation for who does not', { role: 'a', reservation: { principal: 'ops' } }, []],
  ])('R17: is told as %s', (_, expected, capabilities) => {
    const event = eventToProto(
      {
        kind: 'operationUpdate',
        status: { operationId: { value: 'op' }, convertedResources: resourcesToProto(reserved) },
      },
      {
        masterInfo: {} as never,
        heartbeatIntervalSeconds: 15,
        dialect: dialectOf(new Set(capabilities)),
      },
    );
    expect(event.updateOperationStatus?.status?.convertedResources).toMatchObject([expected]);
  });
});
