// The same policy as the allocator's, written to be obviously right and slow: nothing is kept that can be worked out, every order is sorted anew for each agent,
// and every pair of agent and framework is looked at.

import {
  Resources,
  constraintsRefuse,
  isWithin,
  limitPlain,
  reservedRole,
  type AgentConstraints,
  type AgentId,
  type FrameworkId,
  type QuotaConfig,
  type Resource,
} from '@meseta/model';
import type { AgentDescription, Command } from './command';
import { SeatDemands } from './demand/seat-demands';
import { draw, hashOfName } from './draw';
import type { Proposal } from './effect';
import type { Contender, Sorter } from './policy/policy';
import type { AllocatorOptions } from './state';

interface OracleAgent extends Omit<AgentDescription, 'holdings' | 'total'> {
  total: Resources;
  readonly holdings: {
    readonly frameworkId: FrameworkId;
    readonly role: string;
    bag: Resources;
    offers: number;
  }[];
}

interface OracleFramework {
  readonly id: FrameworkId;
  readonly roles: readonly string[];
  readonly suppressed: Set<string>;
  readonly active: boolean;
  readonly capabilities: ReadonlySet<string>;
  readonly constraints: ReadonlyMap<string, AgentConstraints>;
  readonly least: ReadonlyMap<string, readonly ReadonlyMap<string, number>[]>;
  readonly demands: Map<string, SeatDemands>;
}

interface OracleFilter {
  readonly agentId: AgentId;
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly bag: Resources;
  readonly untilMs: number;
}

export class Oracle {
  private readonly agents = new Map<AgentId, OracleAgent>();
  private readonly frameworks = new Map<FrameworkId, OracleFramework>();
  private readonly weights = new Map<string, number>();
  private readonly quotas = new Map<string, QuotaConfig>();
  private filters: OracleFilter[] = [];
  /** How often each was given something, by `seat:`, `own:` or `role:`. */
  private readonly given = new Map<string, number>();
  private dirty = new Set<AgentId>();
  private whitelist: ReadonlySet<string> | undefined;
  private seed = 0;

  constructor(private readonly options: AllocatorOptions) {}

  step(command: Command, now: number): readonly Proposal[] {
    const proposals = this.apply(command, now);
    this.forgetTheUnknown();
    return proposals;
  }

  private apply(command: Command, now: number): readonly Proposal[] {
    switch (command.kind) {
      case 'agentChanged':
        this.agentChanged(command.agent);
        break;
      case 'agentActivated': {
        const agent = this.agents.get(command.agentId);
        if (agent === undefined) break;
        this.agents.set(command.agentId, { ...agent, active: command.active });
        if (command.active) this.dirty.add(command.agentId);
        break;
      }
      case 'agentRemoved':
        this.agents.delete(command.agentId);
        this.filters = this.filters.filter(({ agentId }) => agentId !== command.agentId);
        break;
      case 'totalChanged': {
        const agent = this.agents.get(command.agentId);
        if (agent === undefined) break;
        agent.total = command.total;
        this.dirty.add(command.agentId);
        break;
      }
      case 'frameworkChanged': {
        const { framework: is } = command;
        const was = this.frameworks.get(is.frameworkId);
        const stays = was?.active === true && is.active;
        this.filters = this.filters.filter(
          ({ frameworkId, role }) => frameworkId !== is.frameworkId || (stays && is.roles.includes(role)),
        );
        const demands = is.active
          ? [...(was?.demands ?? [])].filter(([role]) => is.roles.includes(role))
          : [];
        this.frameworks.set(is.frameworkId, {
          id: is.frameworkId,
          roles: is.roles,
          suppressed: new Set(is.suppressedRoles),
          active: is.active,
          capabilities: new Set(is.capabilities),
          constraints: is.constraints ?? new Map(),
          least: is.least ?? new Map(),
          demands: new Map(demands),
        });
        if (is.active) this.markEvery();
        break;
      }
      case 'frameworkRemoved':
        this.frameworks.delete(command.frameworkId);
        this.filters = this.filters.filter(({ frameworkId }) => frameworkId !== command.frameworkId);
        break;
      case 'recovered': {
        const { agentId, frameworkId, role, resources, refuseMs, unused } = command;
        const agent = this.agents.get(agentId);
        const holding = agent?.holdings.find((one) => one.frameworkId === frameworkId && one.role === role);
        const framework = this.frameworks.get(frameworkId);
        if (agent === undefined) break;
        if (holding !== undefined) {
          this.answered(holding, command.offers ?? 0);
          holding.bag = holding.bag.subtract(resources);
          if (holding.bag.isEmpty) agent.holdings.splice(agent.holdings.indexOf(holding), 1);
        }
        this.dirty.add(agentId);
        if (framework?.roles.includes(role) !== true) break;
        if (unused === true && framework.demands.has(role)) {
          const demands = framework.demands.get(role);
          demands?.cameBack(command.tasks ?? demands.tasksOf(resources));
          this.markEvery();
        }
        if ((refuseMs > 0 || (refuseMs === 0 && unused === true)) && framework.active) {
          const untilMs = now + Math.max(refuseMs, this.options.allocationIntervalMs);
          this.filters.push({ agentId, frameworkId, role, bag: resources, untilMs });
        }
        break;
      }
      case 'accepted': {
        const holding = this.agents
          .get(command.agentId)
          ?.holdings.find((one) => one.frameworkId === command.frameworkId && one.role === command.role);
        if (holding !== undefined) this.answered(holding, command.offers);
        break;
      }
      case 'suppressed':
        this.each(command, (framework, role) => framework.suppressed.add(role));
        break;
      case 'revived':
        this.each(command, (framework, role) => {
          framework.suppressed.delete(role);
          framework.demands.delete(role);
          this.filters = this.filters.filter((one) => one.frameworkId !== framework.id || one.role !== role);
        });
        if (this.frameworks.has(command.frameworkId)) this.markEvery();
        break;
      case 'demanded':
        this.each({ ...command, roles: [] }, (framework, role) => {
          const own = command.demands.filter((demand) => demand.role === role);
          framework.demands.delete(role);
          if (own.length === 0) return;
          framework.demands.set(role, new SeatDemands(own));
          framework.suppressed.delete(role);
          this.filters = this.filters.filter((one) => one.frameworkId !== framework.id || one.role !== role);
        });
        if (this.frameworks.has(command.frameworkId)) this.markEvery();
        break;
      case 'weightChanged':
        this.weights.set(command.role, command.weight);
        this.markEvery();
        break;
      case 'quotaChanged': {
        const { quota } = command;
        if (quota.guarantees.size === 0 && quota.limits.size === 0) this.quotas.delete(quota.role);
        else this.quotas.set(quota.role, quota);
        this.markEvery();
        break;
      }
      case 'whitelistChanged':
        this.whitelist = command.hostnames;
        this.markEvery();
        break;
      case 'allocate':
        this.seed = command.seed;
        return this.allocate(command.everyAgent, now);
      default:
        throw new Error(`the oracle does not know ${command.kind}`);
    }
    return [];
  }

  /** Who had as many unanswered offers as may be is offered something again. */
  private answered(holding: OracleAgent['holdings'][number], offers: number): void {
    const framework = this.frameworks.get(holding.frameworkId);
    const max = this.options.outstandingOffersMax;
    const isFull = (): boolean =>
      framework?.roles.includes(holding.role) === true &&
      max > 0 &&
      this.outstanding(framework.id, framework.roles) >= max;
    const wasFull = isFull();
    holding.offers = Math.max(0, holding.offers - offers);
    if (wasFull && !isFull()) this.markEvery();
  }

  private agentChanged(description: AgentDescription): void {
    const known = this.agents.get(description.agentId);
    const placeOf = ({ attributes, domain }: Pick<AgentDescription, 'attributes' | 'domain'>): string =>
      JSON.stringify([attributes, domain]);
    if (known !== undefined && placeOf(known) !== placeOf(description))
      this.filters = this.filters.filter(({ agentId }) => agentId !== description.agentId);
    const agent: OracleAgent = { ...description, holdings: [] };
    this.agents.set(agent.agentId, agent);
    for (const { frameworkId, role, resources, offers } of description.holdings)
      this.hold(agent, frameworkId, role, resources, offers ?? 0);
    this.dirty.add(agent.agentId);
  }

  private allocate(everyAgent: boolean, now: number): readonly Proposal[] {
    for (const { agentId, untilMs } of this.filters) if (untilMs <= now) this.dirty.add(agentId);
    this.filters = this.filters.filter(({ untilMs }) => untilMs > now);
    const ids = everyAgent ? [...this.agents.keys()] : [...this.dirty].filter((id) => this.agents.has(id));
    this.dirty = new Set();
    const agents = this.inOrder(ids.map((id) => this.agents.get(id) as OracleAgent)).filter((agent) =>
      this.mayBeOffered(agent),
    );
    const proposals: Proposal[] = [];
    for (const agent of agents) this.offerAgent(agent, 'guarantees', proposals, now);
    for (const agent of agents) this.offerAgent(agent, 'fairShare', proposals, now);
    return proposals;
  }

  private offerAgent(
    agent: OracleAgent,
    stage: 'guarantees' | 'fairShare',
    proposals: Proposal[],
    now: number,
  ): void {
    for (const [framework, role] of this.seatsInOrder(agent, stage)) {
      const resources = this.shareOf(agent, framework, role, stage, now);
      if (resources === undefined) continue;
      const at = proposals.findIndex(
        (one) => one.agentId === agent.agentId && one.frameworkId === framework.id && one.role === role,
      );
      const earlier = proposals[at];
      this.hold(agent, framework.id, role, resources, earlier === undefined ? 1 : 0);
      if (earlier !== undefined) proposals[at] = { ...earlier, resources: earlier.resources.add(resources) };
      else proposals.push({ frameworkId: framework.id, role, agentId: agent.agentId, resources });
    }
  }

  private shareOf(
    agent: OracleAgent,
    framework: OracleFramework,
    role: string,
    stage: 'guarantees' | 'fairShare',
    now: number,
  ): Resources | undefined {
    if (!this.wants(framework, role)) return undefined;
    const { capabilities } = framework;
    if (this.options.filterGpus && agent.total.scalarMilli('gpus') > 0 && !capabilities.has('GPU_RESOURCES'))
      return undefined;
    const constraints = framework.constraints.get(role);
    const facts = { ...agent, domain: undefined };
    if (constraints !== undefined && constraintsRefuse(constraints, facts) !== undefined) return undefined;
    let bag = this.freeOf(agent).filter((entry) => mayHave(entry, role, capabilities));
    const within =
      stage === 'guarantees'
        ? this.withinGuarantee(bag, topOf(role))
        : this.beyondGuarantee(bag, topOf(role));
    if (within === undefined) return undefined;
    bag = within;
    const demands = framework.demands.get(role);
    const fit = demands?.fit(bag, facts);
    if (fit !== undefined) bag = fit.resources;
    if (bag.entries.every(({ shared }) => shared === true)) return undefined;
    const least = framework.least.get(role) ?? this.options.minAllocatable;
    if (fit === undefined && least.length > 0 && !least.some((one) => holdsAll(bag, one))) return undefined;
    const refused = this.filters.some(
      (one) =>
        one.agentId === agent.agentId &&
        one.frameworkId === framework.id &&
        one.role === role &&
        one.untilMs > now &&
        one.bag.contains(bag),
    );
    if (refused) return undefined;
    if (fit !== undefined) demands?.offered(fit.tasks);
    return bag;
  }

  private withinGuarantee(bag: Resources, top: string): Resources | undefined {
    const quota = this.quotas.get(top);
    if (quota === undefined || !this.isHungry(quota)) return undefined;
    const firm = bag.nonRevocable();
    const helps = firm.entries.some(
      (entry) => reservedRole(entry) !== undefined || (isPlain(entry) && this.unmet(quota, entry.name) > 0),
    );
    if (!helps) return undefined;
    return limitPlain(firm, (name) =>
      quota.guarantees.has(name)
        ? this.unmet(quota, name)
        : Math.min(this.limitLeft(top, name), this.surplus(name)),
    );
  }

  private beyondGuarantee(bag: Resources, top: string): Resources {
    return limitPlain(bag, (name) => Math.min(this.limitLeft(top, name), this.surplus(name)));
  }

  private isHungry(quota: QuotaConfig): boolean {
    return [...quota.guarantees.keys()].some((name) => this.unmet(quota, name) > 0);
  }

  private unmet(quota: QuotaConfig, name: string): number {
    return Math.max(0, (quota.guarantees.get(name) ?? 0) - this.consumed(quota.role, name));
  }

  private limitLeft(top: string, name: string): number {
    const limit = this.quotas.get(top)?.limits.get(name);
    return limit === undefined ? Infinity : Math.max(0, limit - this.consumed(top, name));
  }

  private surplus(name: string): number {
    let required = 0;
    for (const quota of this.quotas.values()) required += this.unmet(quota, name);
    if (required === 0) return Infinity;
    let available = 0;
    for (const agent of this.agents.values())
      if (this.mayBeOffered(agent)) available += this.freeOf(agent).filter(isPlain).scalarMilli(name);
    return Math.max(0, available - required);
  }

  private consumed(top: string, name: string): number {
    let milli = 0;
    for (const { total, holdings } of this.agents.values()) {
      milli += total.filter((entry) => isWithin(reservedRole(entry) ?? '', top)).scalarMilli(name);
      for (const { role, bag } of holdings)
        if (isWithin(role, top)) milli += bag.filter(isPlain).scalarMilli(name);
    }
    return milli;
  }

  /** Level by level: roles among roles, a role's own frameworks as one of those below it, then frameworks. */
  private seatsInOrder(agent: OracleAgent, stage: 'guarantees' | 'fairShare'): [OracleFramework, string][] {
    const { roleSorter, frameworkSorter } = this.options;
    const wanting = [...this.frameworks.values()].flatMap((framework) =>
      framework.roles.filter((role) => this.wants(framework, role)).map((role) => [framework, role] as const),
    );
    const below = (path: string): [OracleFramework, string][] => {
      const own = wanting.filter(([, role]) => role === path);
      const paths = new Set(
        wanting
          .filter(([, role]) => role !== path && isWithin(role, path))
          .map(([, role]) => childOf(path, role)),
      );
      const entries = [
        ...[...paths].map((child) => ({
          ...this.contender(
            child,
            `role:${child}`,
            (role) => isWithin(role, child),
            this.weights.get(child) ?? 1,
          ),
          go: () => below(child),
        })),
        ...(own.length === 0
          ? []
          : [
              {
                ...this.contender(path, `own:${path}`, (role) => role === path, 1),
                go: () => frameworksOf(own, path),
              },
            ]),
      ];
      return this.sorted(entries, roleSorter, agent).flatMap(({ go }) => go());
    };
    const frameworksOf = (
      own: (readonly [OracleFramework, string])[],
      path: string,
    ): [OracleFramework, string][] =>
      this.sorted(
        own.map(([framework]) => ({
          ...this.contender(
            framework.id,
            `seat:${framework.id}:${path}`,
            (role, id) => role === path && id === framework.id,
            1,
          ),
          framework,
        })),
        frameworkSorter,
        agent,
      ).map(({ framework }) => [framework, path]);
    let tops = [...new Set(wanting.map(([, role]) => topOf(role)))];
    if (stage === 'guarantees')
      tops = tops.filter((top) => {
        const quota = this.quotas.get(top);
        return quota !== undefined && this.isHungry(quota);
      });
    const roles = tops.map((top) => ({
      ...this.contender(top, `role:${top}`, (role) => isWithin(role, top), this.weights.get(top) ?? 1),
      go: () => below(top),
    }));
    return this.sorted(roles, roleSorter, agent).flatMap(({ go }) => go());
  }

  private sorted<C extends Contender>(contenders: readonly C[], sorter: Sorter, agent: OracleAgent): C[] {
    const keyed = contenders.map((contender) => ({
      contender,
      key: sorter.key(
        contender,
        sorter.usesRandom === true
          ? draw(this.seed, hashOfName(agent.agentId), hashOfName(contender.name))
          : 0,
      ),
    }));
    keyed.sort(
      (a, b) =>
        a.key - b.key ||
        a.contender.offers - b.contender.offers ||
        (a.contender.name < b.contender.name ? -1 : a.contender.name > b.contender.name ? 1 : 0),
    );
    return keyed.map(({ contender }) => contender);
  }

  private contender(
    name: string,
    givenKey: string,
    counts: (role: string, frameworkId: FrameworkId) => boolean,
    weight: number,
  ): Contender {
    const held = new Map<string, number>();
    const total = new Map<string, number>();
    for (const agent of this.agents.values()) {
      addScalars(total, agent.total);
      let bag = Resources.empty;
      for (const holding of agent.holdings)
        if (counts(holding.role, holding.frameworkId)) bag = bag.add(holding.bag);
      addScalars(held, bag);
    }
    let share = 0;
    for (const [resource, milli] of held) {
      const all = total.get(resource) ?? 0;
      if (all > 0 && !this.options.excluded.has(resource)) share = Math.max(share, milli / all);
    }
    return {
      name,
      share,
      weight,
      offers: this.given.get(givenKey) ?? 0,
      held: (one) => (held.get(one) ?? 0) / 1000,
    };
  }

  private hold(
    agent: OracleAgent,
    frameworkId: FrameworkId,
    role: string,
    bag: Resources,
    offers: number,
  ): void {
    const holding = agent.holdings.find((one) => one.frameworkId === frameworkId && one.role === role);
    if (holding === undefined) agent.holdings.push({ frameworkId, role, bag, offers });
    else {
      holding.bag = holding.bag.add(bag);
      holding.offers += offers;
    }
    for (const key of [
      `seat:${frameworkId}:${role}`,
      `own:${role}`,
      ...pathsOf(role).map((path) => `role:${path}`),
    ])
      this.given.set(key, (this.given.get(key) ?? 0) + 1);
  }

  /** What nobody has or wants any more is not remembered: it starts anew if it comes back. */
  private forgetTheUnknown(): void {
    const known = new Set<string>();
    const know = (role: string): void =>
      pathsOf(role).forEach((path) => known.add(`role:${path}`).add(`own:${path}`));
    const seat = (id: FrameworkId, role: string): void => {
      known.add(`seat:${id}:${role}`);
      know(role);
    };
    for (const { id, roles } of this.frameworks.values()) for (const role of roles) seat(id, role);
    for (const { total, holdings } of this.agents.values()) {
      for (const { frameworkId, role } of holdings) seat(frameworkId, role);
      for (const entry of total.entries)
        if (reservedRole(entry) !== undefined) know(reservedRole(entry) as string);
    }
    for (const role of this.quotas.keys()) know(role);
    for (const key of [...this.given.keys()]) if (!known.has(key)) this.given.delete(key);
  }

  private wants({ id, active, roles, suppressed, demands }: OracleFramework, role: string): boolean {
    if (!active || !roles.includes(role) || suppressed.has(role)) return false;
    if (demands.get(role)?.isUnmet === false) return false;
    const max = this.options.outstandingOffersMax;
    return max === 0 || this.outstanding(id, roles) < max;
  }

  private outstanding(id: FrameworkId, roles: readonly string[]): number {
    let offers = 0;
    for (const { holdings } of this.agents.values())
      for (const one of holdings)
        if (one.frameworkId === id && roles.includes(one.role)) offers += one.offers;
    return offers;
  }

  private freeOf({ total, holdings }: OracleAgent): Resources {
    let free = total;
    for (const { bag } of holdings) free = free.subtract(bag.filter((entry) => entry.shared !== true));
    return free;
  }

  private mayBeOffered({ active, hostname }: OracleAgent): boolean {
    return active && (this.whitelist === undefined || this.whitelist.has(hostname));
  }

  private inOrder(agents: readonly OracleAgent[]): OracleAgent[] {
    return [...agents].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  }

  private each(
    { frameworkId, roles }: { readonly frameworkId: FrameworkId; readonly roles: readonly string[] },
    act: (framework: OracleFramework, role: string) => void,
  ): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework !== undefined)
      for (const role of roles.length === 0 ? framework.roles : roles) act(framework, role);
  }

  private markEvery(): void {
    for (const id of this.agents.keys()) this.dirty.add(id);
  }
}

function mayHave(entry: Resource, role: string, capabilities: ReadonlySet<string>): boolean {
  const reserved = reservedRole(entry);
  return (
    (reserved === undefined || isWithin(role, reserved)) &&
    (entry.revocable !== true || capabilities.has('REVOCABLE_RESOURCES')) &&
    (entry.shared !== true || capabilities.has('SHARED_RESOURCES')) &&
    (entry.reservations.length < 2 || capabilities.has('RESERVATION_REFINEMENT'))
  );
}

function isPlain(entry: Resource): boolean {
  return entry.reservations.length === 0 && entry.revocable !== true && entry.shared !== true;
}

function holdsAll(bag: Resources, least: ReadonlyMap<string, number>): boolean {
  const quantities = bag.quantities();
  return [...least].every(([name, milli]) => (quantities.get(name) ?? 0) >= milli);
}

function addScalars(sums: Map<string, number>, bag: Resources): void {
  for (const { name, value } of bag.distinct())
    if (value.kind === 'scalar') sums.set(name, (sums.get(name) ?? 0) + value.milli);
}

function topOf(role: string): string {
  return role.split('/')[0] ?? role;
}

/** The role right below a path on the way to another. */
function childOf(path: string, role: string): string {
  return role
    .split('/')
    .slice(0, path.split('/').length + 1)
    .join('/');
}

/** The role and all above it. */
function pathsOf(role: string): string[] {
  const parts = role.split('/');
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}
