import { AgentTable } from './agents/agent-table';
import { Eligibility } from './filters/eligibility';
import { Refusals } from './filters/refusals';
import { Lots } from './lots/lots';
import { InverseOffers } from './maintenance/inverse-offers';
import { Names } from './names';
import { offerableTo } from './offerable';
import { Quotas } from './quota/quotas';
import { RecoveryHold } from './quota/recovery-hold';
import { Seats } from './roles/seats';
import { Shares } from './roles/shares';
import type { AllocatorOptions, AllocatorState } from './state';

/** An allocator that knows nothing yet. */
export function initialState(options: AllocatorOptions): AllocatorState {
  const names = new Names();
  const lots = new Lots(names);
  const shares = new Shares(names, options.roleSorter, options.frameworkSorter, options.excluded);
  const seats = new Seats(shares);
  return {
    options,
    names,
    lots,
    agents: new AgentTable(),
    frameworks: new Map(),
    shares,
    seats,
    quotas: new Quotas(names, shares, options.minAllocatable, (role) => seats.updateClosedBelow(role)),
    eligibility: new Eligibility(options.filterGpus),
    refusals: new Refusals((lot, seat) => offerableTo(lots, lot, seat)),
    inverseOffers: new InverseOffers(),
    hold: new RecoveryHold(),
    unsettled: new Set(),
    ownLeast: new Set(),
    homeRegion: undefined,
    whitelist: undefined,
  };
}
