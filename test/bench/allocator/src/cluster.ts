import {
  defaultOptions,
  initialState,
  step,
  type AllocatorOptions,
  type Command,
  type Proposal,
} from '@meseta/allocator';
import { Resources, agentId, frameworkId, instant, isFailure, plusMs, type Instant } from '@meseta/model';

/** A year, which is the longest that a framework may refuse (S62); the workload asks for 2^31 seconds. */
export const yearMs = 31_536_000_000;

/** The allocator's core and a master that does nothing but keep what was offered. One round is a second of virtual time. */
export class Cluster {
  readonly state: ReturnType<typeof initialState>;
  now: Instant = instant(0);
  /** What the last round offered. */
  offers: readonly Proposal[] = [];
  private seed = 1;

  constructor(options: Partial<AllocatorOptions> = {}) {
    this.state = initialState({ ...defaultOptions, ...options });
  }

  tell(command: Command): void {
    step(this.state, command, this.now);
  }

  /** One second passes, and every agent is looked at. */
  round(): readonly Proposal[] {
    this.now = plusMs(this.now, 1000);
    return this.turn(true);
  }

  /** What changed is looked at, or everything. */
  turn(everyAgent: boolean): readonly Proposal[] {
    const effects = step(this.state, { kind: 'allocate', everyAgent, seed: this.seed++ }, this.now);
    this.offers = [];
    for (const effect of effects) if (effect.kind === 'propose') this.offers = effect.proposals;
    return this.offers;
  }

  /** Every offer of the last round goes back; below 0 without a filter. */
  giveBack(refuseMs: number): void {
    for (const offer of this.offers)
      this.tell({ kind: 'recovered', ...offer, refuseMs, unused: true, offers: 1 });
  }

  addFramework(
    name: string,
    { roles = ['*'], capabilities = [] }: { roles?: string[]; capabilities?: string[] } = {},
  ): void {
    this.tell({
      kind: 'frameworkChanged',
      framework: {
        frameworkId: frameworkId(name),
        name,
        roles,
        suppressedRoles: [],
        active: true,
        capabilities,
      },
    });
  }

  addAgent(name: string, total: Resources, used?: { by: string; role?: string; resources: Resources }): void {
    this.tell(agentChanged(name, total, used));
  }
}

/** The description of an agent, and who uses what of it. */
export function agentChanged(
  name: string,
  total: Resources,
  used?: { by: string; role?: string; resources: Resources },
): Command {
  return {
    kind: 'agentChanged',
    agent: {
      agentId: agentId(name),
      hostname: name,
      total,
      attributes: [],
      active: true,
      holdings:
        used === undefined
          ? []
          : [{ frameworkId: frameworkId(used.by), role: used.role ?? '*', resources: used.resources }],
    },
  };
}

/** Reads resources; a mistake in a workload is a mistake of ours. */
export function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}
