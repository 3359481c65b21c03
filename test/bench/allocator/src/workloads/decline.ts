import type { Command } from '@meseta/allocator';
import { Resources } from '@meseta/model';
import { Cluster, agentChanged, resources, yearMs } from '../cluster';
import { liveBytes, measure, median, type Took } from '../measure';
import type { Report } from '../report';

export const total = 'cpus:24;mem:4096;disk:4096;ports:[31000-32000]';

/** Ports 31000, 31002 … 31028 and 31030-32000. */
const usedPorts = `[${Array.from({ length: 15 }, (_, at) => `${31000 + 2 * at}-${31000 + 2 * at}`).join(',')},31030-32000]`;

/** What is used of each agent. */
export function used(mem: number): string {
  return `cpus:16;mem:${mem};disk:1024;ports:${usedPorts}`;
}

export interface Size {
  readonly agents: number;
  readonly frameworks: number;
  readonly mesos?: {
    readonly offers?: number;
    readonly filtered?: number;
    readonly add?: number;
    readonly declineEach?: number;
  };
}

/** What makes another workload of it: everything is reserved to a role, which all frameworks have. */
export interface Reserved {
  readonly role: string;
  readonly of: (bag: Resources) => Resources;
}

/**
 * The agents, agent i with what framework i mod M uses of it. Every description is an object of its own, as it would be off a wire.
 */
export function descriptions(
  agents: number,
  frameworks: number,
  usedMem: number,
  reserved?: Reserved,
): readonly Command[] {
  const bagOf = (bag: Resources): Resources =>
    reserved === undefined ? copyOf(bag) : reserved.of(copyOf(bag));
  const [all, usedOfAll] = [resources(total), resources(used(usedMem))];
  return Array.from({ length: agents }, (_, at) =>
    agentChanged(`agent-${at}`, bagOf(all), {
      by: `framework-${at % frameworks}`,
      role: reserved?.role ?? '*',
      resources: bagOf(usedOfAll),
    }),
  );
}

/** Changes come as a master sends them, so many in a message, with a turn after each. */
export function tellInMessages(cluster: Cluster, commands: readonly Command[]): void {
  for (let at = 0; at < commands.length; at++) {
    cluster.tell(commands[at] as Command);
    if (at % 1000 === 999) cluster.turn(false);
  }
  cluster.turn(false);
}

/**
 * A cluster with its agents added and each of them offered; how long adding took (the median of some goes, after others that warmed the compiler up), and the memory of an
 * agent in the allocator.
 */
export function addedCluster(
  agents: number,
  frameworks: number,
  usedMem: number,
  reserved?: Reserved,
): { readonly cluster: Cluster; readonly took: Took; readonly perAgent: number } {
  const goes: Took[] = [];
  const bytes: number[] = [];
  for (;;) {
    const cluster = new Cluster();
    for (let at = 0; at < frameworks; at++)
      cluster.addFramework(`framework-${at}`, { roles: [reserved?.role ?? '*'] });
    const before = liveBytes();
    let commands = descriptions(agents, frameworks, usedMem, reserved);
    // What describes the agents is the harness's, and is moved out of the way of the collector first.
    liveBytes();
    const took = measure(() => tellInMessages(cluster, commands));
    commands = [];
    bytes.push((liveBytes() - before) / agents);
    goes.push(took);
    if (goes.length === 7)
      return {
        cluster,
        took: median(goes.slice(2)),
        perAgent: bytes.sort((a, b) => a - b)[bytes.length >>> 1] ?? NaN,
      };
  }
}

/** An equal bag that shares nothing with it. */
export function copyOf(bag: Resources): Resources {
  return Resources.of(
    bag.entries.map((entry) => ({
      ...entry,
      value:
        entry.value.kind === 'ranges'
          ? { kind: 'ranges', ranges: entry.value.ranges.map((range) => ({ ...range })) }
          : { ...entry.value },
    })),
  );
}

/** decline(N, M), step for step; also "add agents", and the memory of an agent and of a filter. */
export function decline(
  report: Report,
  { agents, frameworks, mesos }: Size,
  label = 'decline',
  reserved?: Reserved,
): void {
  const size = `${agents} × ${frameworks}`;
  const { cluster, took: add, perAgent } = addedCluster(agents, frameworks, 2014, reserved);
  report.line({
    workload: `${label}: add agents`,
    size,
    took: add,
    ...(mesos?.add !== undefined && { mesosMs: mesos.add }),
    goal: '≥ 10 ×, ≤ 2 kB each',
    note: `${Math.round((agents / add.wallMs) * 1000)} agents a second, ${perAgent.toFixed(0)} bytes an agent`,
  });
  cluster.offers = everyOffer(cluster, agents);
  const filtersFrom = liveBytes();
  const offering: Took[] = [];
  const filtered: Took[] = [];
  const declining: Took[] = [];
  let declined = 0;
  for (let round = 0; round < 2 * frameworks; round++) {
    const count = cluster.offers.length;
    const took = measure(() => cluster.giveBack(yearMs));
    if (count > 0) declining.push({ cpuMs: took.cpuMs / count, wallMs: took.wallMs / count });
    declined += count;
    const one = measure(() => cluster.round());
    if (round < frameworks - 1) {
      if (cluster.offers.length !== agents)
        throw new Error(`round ${round}: ${cluster.offers.length} offers instead of ${agents}`);
      offering.push(one);
    } else {
      if (cluster.offers.length !== 0)
        throw new Error(`round ${round}: ${cluster.offers.length} offers of what was declined`);
      filtered.push(one);
    }
  }
  const perFilter = (liveBytes() - filtersFrom) / declined;
  report.line({
    workload: `${label}: a round with N offers`,
    size,
    took: median(offering),
    ...(mesos?.offers !== undefined && { mesosMs: mesos.offers }),
    goal: '≥ 30 ×',
  });
  report.line({
    workload: `${label}: every pair filtered`,
    size,
    took: median(filtered),
    ...(mesos?.filtered !== undefined && { mesosMs: mesos.filtered }),
    goal: '≥ 200 ×',
  });
  report.line({
    workload: `${label}: declining one offer`,
    size,
    took: median(declining),
    ...(mesos?.declineEach !== undefined && { mesosMs: mesos.declineEach }),
    goal: '≥ 30 ×, ≤ 32 bytes',
    note: `${declined} filters, ${perFilter.toFixed(1)} bytes each`,
  });
}

/** After the agents were added each is offered once; what was offered last of each is what is declined. */
export function everyOffer(cluster: Cluster, agents: number): Cluster['offers'] {
  const { state } = cluster;
  const offers: Cluster['offers'][number][] = [];
  for (const agent of state.agents.all()) {
    let offered = agent.held;
    while (offered !== undefined && offered.offers === 0) offered = offered.next;
    if (offered !== undefined)
      offers.push({
        agentId: agent.id,
        frameworkId: offered.seat.frameworkId,
        role: offered.seat.role.path,
        resources: offered.lot.bag,
      });
  }
  if (offers.length !== agents) throw new Error(`${offers.length} agents of ${agents} are offered`);
  return offers;
}
