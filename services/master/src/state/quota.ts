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

/** UPDATE_QUOTA (A30): all of the quotas are set, or none. What they promise is kept at once: offers that stand in the way are taken back (A33, A38). */
export function stepUpdateQuota(turn: Turn, command: Extract<Command, { kind: 'updateQuota' }>): void {
  const refused = refusal(turn.state, command.quotas, command.force);
  if (refused !== undefined) return reply(turn, command.call, refused);
  for (const quota of command.quotas) {
    if (isDefaultQuota(quota)) turn.state.quotas.delete(quota.role);
    else turn.state.quotas.set(quota.role, quota);
    commit(turn, { $case: 'setQuota', value: { config: quotaToCommit(quota) } });
    tellAllocator(turn, { kind: 'quotaChanged', quota });
  }
  for (const { role } of command.quotas) {
    keepLimit(turn, role);
    meetGuarantee(turn, role);
  }
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

/** Takes offers of others back until what is free covers what the role is still guaranteed (A38), all of one agent's before the next one's. */
function meetGuarantee(turn: Turn, role: string): void {
  const { state } = turn;
  const guarantees = state.quotas.get(role)?.guarantees;
  if (guarantees === undefined || guarantees.size === 0) return;
  const missing = new Map<string, number>();
  const consumed = consumptionOf(state, role, { withOffers: true });
  for (const [name, milli] of guarantees) missing.set(name, milli - (consumed.get(name) ?? 0));
  const less = (amounts: ReadonlyMap<string, number>): void => {
    for (const [name, milli] of amounts)
      if (missing.has(name)) missing.set(name, (missing.get(name) ?? 0) - milli);
  };
  const isMissed = (): boolean => [...missing.values()].some((milli) => milli > 0);
  const active = [...state.agents.values()].filter(mayOffer);
  for (const agent of active) less(freeOf(state, agent));
  for (const agent of active) {
    if (!isMissed()) return;
    for (const offerId of [...agent.offers]) {
      const offer = state.offers.get(offerId);
      if (offer === undefined || isWithin(offer.role, role)) continue;
      const plain = plainOf(offer);
      if (![...plain.keys()].some((name) => (missing.get(name) ?? 0) > 0)) continue;
      less(plain);
      rescind(turn, offer);
    }
  }
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
