import {
  failure,
  isDefaultQuota,
  isWithin,
  reservedRole,
  type Failure,
  type QuotaConfig,
  type Resource,
} from '@meseta/model';
import { quotaToCommit } from './quota-record';
import type { Command } from './command';
import { holdingsOf } from './ledger';
import { rescind } from './offers';
import { unlisted } from './role-list';
import type { Agent, MasterState, MasterView, Offer } from './state';
import { commit, reply, tellAllocator, type Turn } from './turn';
import { validateQuota } from './validation/quota';
import { mayOffer } from './withheld';

/**
 * UPDATE_QUOTA (A30): all of the quotas are set, or none. What they promise is kept at once: offers that stand in the way are taken back (A33, A38), and what the allocator
 * proposed before it heard of them is void.
 */
export function stepUpdateQuota(turn: Turn, command: Extract<Command, { kind: 'updateQuota' }>): void {
  const refused = refusal(turn.state, command.quotas, command.force);
  if (refused !== undefined) return reply(turn, command.call, refused);
  // Of a role that is named twice the last counts (A31), and the record is written once: a transaction of etcd's may not write a key twice.
  const quotas = new Map(command.quotas.map((quota) => [quota.role, quota]));
  for (const quota of quotas.values()) {
    if (isDefaultQuota(quota)) turn.state.quotas.delete(quota.role);
    else turn.state.quotas.set(quota.role, quota);
    commit(turn, { $case: 'setQuota', value: { config: quotaToCommit(quota) } });
    turn.state.quotaVersion = tellAllocator(turn, { kind: 'quotaChanged', quota });
  }
  const roles = [...quotas.keys()];
  for (const role of roles) keepLimit(turn, role);
  meetGuarantees(turn, roles);
  reply(turn, command.call);
}

/** Which quotas may not be set, and why. */
function refusal(state: MasterState, quotas: readonly QuotaConfig[], force: boolean): Failure | undefined {
  for (const quota of quotas) {
    const refused =
      validateQuota(quota) ?? (isDefaultQuota(quota) ? undefined : unlisted(state.options, [quota.role]));
    if (refused !== undefined) return refused;
  }
  return force ? undefined : (belowUse(state, quotas) ?? beyondCapacity(state, quotas));
}

function belowUse(state: MasterState, quotas: readonly QuotaConfig[]): Failure | undefined {
  for (const { role, limits } of quotas) {
    const used = consumptionOf(state, role, { withOffers: false });
    for (const [name, limit] of limits) {
      if (limit < (used.get(name) ?? 0))
        return failure(
          'invalid',
          `the limit of ${limit / 1000} ${name} of role ${role} must not be less than the ${(used.get(name) ?? 0) / 1000} that it uses (force sets it all the same)`,
          { field: 'limits' },
        );
    }
  }
  return undefined;
}

function beyondCapacity(state: MasterState, quotas: readonly QuotaConfig[]): Failure | undefined {
  const next = new Map(state.quotas);
  for (const quota of quotas) next.set(quota.role, quota);
  const guaranteed = new Map<string, number>();
  for (const { guarantees } of next.values())
    for (const [name, milli] of guarantees) guaranteed.set(name, (guaranteed.get(name) ?? 0) + milli);
  const raised = new Set(quotas.flatMap(({ guarantees }) => [...guarantees.keys()]));
  for (const [name, milli] of guaranteed) {
    if (!raised.has(name)) continue;
    let capacity = 0;
    for (const agent of registered(state)) capacity += agent.total.nonRevocable().scalarMilli(name);
    if (milli > capacity)
      return failure(
        'invalid',
        `guarantees of ${milli / 1000} ${name} in all must not be more than the ${capacity / 1000} that the cluster has (force sets them all the same)`,
        { field: 'guarantees' },
      );
  }
  return undefined;
}

/**
 * What counts against a role's quota (A32), in thousandths by name: all that is reserved to it or below it, and what is allocated to it of the rest.
 */
export function consumptionOf(
  state: Pick<MasterView, 'agents' | 'offers'>,
  role: string,
  { withOffers }: { readonly withOffers: boolean },
): ReadonlyMap<string, number> {
  const consumed = new Map<string, number>();
  for (const agent of registered(state)) {
    add(consumed, agent.total.distinct(), (entry) => isWithin(reservedRole(entry) ?? '', role));
    for (const { role: holder, resources, offers } of holdingsOf(state, agent))
      if (isWithin(holder, role) && (withOffers || offers === 0)) add(consumed, resources.entries, isPlain);
  }
  return consumed;
}

/** Takes offers of a role back until it has no more than its limits (A33). What its tasks use stays theirs. */
function keepLimit(turn: Turn, role: string): void {
  const limits = turn.state.quotas.get(role)?.limits;
  if (limits === undefined || limits.size === 0) return;
  const consumed = new Map(consumptionOf(turn.state, role, { withOffers: true }));
  for (const offer of [...turn.state.offers.values()]) {
    if (!isWithin(offer.role, role)) continue;
    const plain = plainOf(offer);
    const helps = [...plain].some(([name]) => (consumed.get(name) ?? 0) > (limits.get(name) ?? Infinity));
    if (!helps) continue;
    for (const [name, milli] of plain) consumed.set(name, (consumed.get(name) ?? 0) - milli);
    rescind(turn, offer);
  }
}

/**
 * Takes offers back until what is free covers all that is guaranteed and not met, and there is something on as many agents as the roles have frameworks, so that each may get
 * something (A38). Of an agent everything is taken back: the more there is on it, the more can be done with it.
 */
function meetGuarantees(turn: Turn, roles: readonly string[]): void {
  const { state } = turn;
  if (!roles.some((role) => (state.quotas.get(role)?.guarantees.size ?? 0) > 0)) return;
  const needs = new Needs(state);
  const hungry = roles.filter((role) => needs.unmetOf(role).length > 0);
  if (hungry.length === 0) return;
  const names = new Set(hungry.flatMap((role) => needs.unmetOf(role)));
  const frameworks = hungry.reduce((sum, role) => sum + frameworksOf(state, role), 0);
  const sources = new Set<Agent>();
  const active = [...state.agents.values()].filter(mayOffer);
  for (const agent of active) {
    const free = freeOf(state, agent);
    needs.freed(free);
    if ([...free].some(([name, milli]) => names.has(name) && milli > 0)) sources.add(agent);
  }
  for (const agent of active) {
    const isShort = [...names].some((name) => needs.isShortOf(name));
    if (!isShort && (sources.size >= frameworks || sources.has(agent))) continue;
    const offers = [...agent.offers].flatMap((id) => state.offers.get(id) ?? []);
    const isSpare = (offer: Offer): boolean =>
      [...plainOf(offer).keys()].some(
        (name) => names.has(name) && (!isShort || needs.isShortOf(name)) && needs.isSpare(offer.role, name),
      );
    if (!offers.some(isSpare)) continue;
    sources.add(agent);
    for (const offer of offers) {
      needs.takenBack(offer.role, plainOf(offer));
      rescind(turn, offer);
    }
  }
}

/** What the roles with guarantees still need of the cluster, while offers are taken back. */
class Needs {
  /** By the role at the top of its branch. */
  private readonly consumed = new Map<string, Map<string, number>>();
  private readonly free = new Map<string, number>();

  constructor(private readonly state: MasterState) {
    for (const agent of registered(state)) {
      for (const entry of agent.total.distinct()) {
        const role = reservedRole(entry);
        if (role !== undefined) add(this.of(role), [entry], () => true);
      }
      for (const { role, resources } of holdingsOf(state, agent))
        add(this.of(role), resources.entries, isPlain);
    }
  }

  /** Of what a role is guaranteed more than it has. */
  unmetOf(role: string): readonly string[] {
    const { guarantees } = this.state.quotas.get(role) ?? {};
    return [...(guarantees?.keys() ?? [])].filter((name) => this.unmet(role, name) > 0);
  }

  /** Whether all that is free is less than what all roles together are still guaranteed. */
  isShortOf(name: string): boolean {
    let needed = 0;
    for (const role of this.state.quotas.keys()) needed += this.unmet(role, name);
    return needed > (this.free.get(name) ?? 0);
  }

  /** Whether a role has more than it is guaranteed. */
  isSpare(role: string, name: string): boolean {
    return this.guaranteed(topOf(role), name) < (this.of(role).get(name) ?? 0);
  }

  freed(amounts: ReadonlyMap<string, number>): void {
    for (const [name, milli] of amounts) this.free.set(name, (this.free.get(name) ?? 0) + milli);
  }

  takenBack(role: string, amounts: ReadonlyMap<string, number>): void {
    const consumed = this.of(role);
    for (const [name, milli] of amounts) consumed.set(name, (consumed.get(name) ?? 0) - milli);
    this.freed(amounts);
  }

  private unmet(role: string, name: string): number {
    return Math.max(0, this.guaranteed(role, name) - (this.of(role).get(name) ?? 0));
  }

  private guaranteed(role: string, name: string): number {
    return this.state.quotas.get(role)?.guarantees.get(name) ?? 0;
  }

  private of(role: string): Map<string, number> {
    const top = topOf(role);
    let amounts = this.consumed.get(top);
    if (amounts === undefined) this.consumed.set(top, (amounts = new Map<string, number>()));
    return amounts;
  }
}

/** How many frameworks could be offered something in a role or below it. */
function frameworksOf({ frameworks }: MasterState, role: string): number {
  return [...frameworks.values()].filter(
    ({ membership, roles, suppressed }) =>
      membership === 'active' && roles.some((one) => isWithin(one, role) && !suppressed.has(one)),
  ).length;
}

function topOf(role: string): string {
  return role.split('/')[0] ?? role;
}

/** What of an agent's resources is neither reserved nor held by anyone. */
function freeOf(state: MasterState, agent: Agent): ReadonlyMap<string, number> {
  const free = new Map<string, number>();
  add(free, agent.total.entries, isPlain);
  for (const { resources } of holdingsOf(state, agent)) add(free, resources.entries, isPlain, -1);
  return free;
}

function plainOf(offer: Offer): ReadonlyMap<string, number> {
  const plain = new Map<string, number>();
  add(plain, offer.resources.entries, isPlain);
  return plain;
}

function registered(state: Pick<MasterView, 'agents'>): Agent[] {
  return [...state.agents.values()].filter(
    ({ membership }) => membership === 'active' || membership === 'disconnected',
  );
}

function isPlain(entry: Resource): boolean {
  return entry.reservations.length === 0 && entry.revocable !== true && entry.shared !== true;
}

function add(
  sums: Map<string, number>,
  entries: readonly Resource[],
  counts: (entry: Resource) => boolean,
  sign: 1 | -1 = 1,
): void {
  for (const entry of entries)
    if (entry.value.kind === 'scalar' && counts(entry))
      sums.set(entry.name, (sums.get(entry.name) ?? 0) + sign * entry.value.milli);
}
