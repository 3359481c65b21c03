import type { NodeId } from './network';
import type { Random } from './random';

/** One thing that goes wrong, when, for how long, and to whom. A list of these is all that a failing run needs to be told again. */
export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Who: a node, or two of them for what is between. */
  readonly who: readonly NodeId[];
  readonly forMs: number;
}

/** Every kind of fault, and what it is. */
export const faultKinds = {
  killMaster: 'a master is killed, and started again',
  loseMaster: 'the machine of a master is lost without a word, and comes back',
  pauseMaster: 'a master stands still, and goes on as if nothing had happened',
  killRegistry: 'a registry instance is killed, and started again',
  killAllocator: 'the allocator is killed, and started again',
  killAgent: "an agent's process is killed, and started again",
  pauseAgent: "an agent's process stands still, and goes on as if nothing had happened",
  rebootMachine: 'a machine goes down with its containers, and comes back',
  killFramework: 'a framework is killed, and started again',
  failOverFramework: 'another instance of a framework takes over',
  tearDownFramework: 'a framework is torn down',
  partition: 'nothing passes between two nodes',
  oneWay: 'nothing passes from one node to another, and all the other way',
  isolate: 'a node is cut off from all others',
  splitBrain:
    'a master is cut off from the registries only, while agents lose their connections again and again',
  reset: 'a connection breaks, and what was on its way is lost',
  slowDisks: 'disks take seconds',
  slowNetwork: 'messages take up to two seconds',
  etcdLeader:
    "etcd's own leader dies: no answers for a while, writes of unknown outcome, leases that live longer",
  failingStarts: 'half of the containers cannot be started',
  deactivateAgent: 'an operator lets nothing more be offered of an agent, and takes that back',
  drainAgent: 'an operator empties an agent, sometimes for good, and has it back',
  markAgentGone:
    'an operator says that an agent will not come back, be that true or not; another machine stands in its place later',
  maintainMachine: 'an operator plans that a machine will be away, takes it down, and brings it up again',
} as const;

export type FaultKind = keyof typeof faultKinds;

/** Who there is to be harmed. */
export interface Targets {
  readonly masters: readonly NodeId[];
  readonly registries: readonly NodeId[];
  readonly allocators: readonly NodeId[];
  readonly agents: readonly NodeId[];
  readonly frameworks: readonly NodeId[];
}

/**
 * A plan of faults. Each plan draws which kinds it has at all (swarm testing, Groce et al. 2012): a run with few kinds goes deeper into each than one
 * with a little of everything.
 */
export function drawFaults(random: Random, targets: Targets, forMs: number): Fault[] {
  const kinds = (Object.keys(faultKinds) as FaultKind[]).filter(() => random.chance(0.35));
  const faults: Fault[] = [];
  for (const kind of kinds) {
    const everyMs = random.int(10_000, 180_000);
    for (let atMs = random.int(1000, everyMs); atMs < forMs; atMs += random.int(everyMs / 2, everyMs * 1.5)) {
      const who = targetOf(kind, random, targets);
      if (who !== undefined) faults.push({ atMs, kind, who, forMs: durationOf(kind, random) });
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function targetOf(kind: FaultKind, random: Random, targets: Targets): readonly NodeId[] | undefined {
  const { masters, registries, allocators, agents, frameworks } = targets;
  switch (kind) {
    case 'killMaster':
    case 'loseMaster':
    case 'pauseMaster':
    case 'splitBrain':
      return [random.pick(masters)];
    case 'killRegistry':
      return [random.pick(registries)];
    case 'killAllocator':
      return [random.pick(allocators)];
    case 'killAgent':
    case 'pauseAgent':
    case 'rebootMachine':
    case 'deactivateAgent':
    case 'drainAgent':
    case 'markAgentGone':
    case 'maintainMachine':
      return [random.pick(agents)];
    case 'killFramework':
    case 'failOverFramework':
      return [random.pick(frameworks)];
    case 'tearDownFramework':
      // The others must be left something to check.
      return random.chance(0.2) ? [random.pick(frameworks)] : undefined;
    case 'partition':
    case 'oneWay': {
      const far = random.pick([...agents, ...frameworks, ...registries, ...allocators]);
      const pair = [random.pick(masters), far];
      return kind === 'oneWay' && random.chance(0.5) ? pair.reverse() : pair;
    }
    case 'isolate':
      return [random.pick([...masters, ...agents])];
    case 'reset':
    case 'slowDisks':
    case 'slowNetwork':
    case 'etcdLeader':
    case 'failingStarts':
      return [];
  }
}

function durationOf(kind: FaultKind, random: Random): number {
  switch (kind) {
    case 'etcdLeader':
      return random.int(300, 1600);
    case 'splitBrain':
      return random.int(5000, 30_000);
    case 'reset':
    case 'failOverFramework':
    case 'tearDownFramework':
      return 0;
    case 'killAllocator':
    case 'killRegistry':
    case 'killMaster':
      return random.int(10, 20_000);
    default:
      // Seldom longer than the silence that makes an agent unreachable.
      return random.chance(0.2) ? random.int(60_000, 240_000) : random.int(100, 30_000);
  }
}
