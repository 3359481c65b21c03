import { Resources } from '@meseta/model';
import {
  quantitiesToProto,
  quotaToProto,
  resourcesToProto,
  type GetQuotaResponse,
  type GetWeightsResponse,
} from '@meseta/protocol';
import { consumptionOf } from '../state/quota';
import type { MasterView } from '../state/state';

/** Every quota, in the form that was set and in the older one, where only guarantees count; and what each role consumes. */
export function quotaStatusOf(view: MasterView): GetQuotaResponse {
  const quotas = [...view.quotas.values()].sort((a, b) => (a.role < b.role ? -1 : 1));
  return {
    status: {
      configs: quotas.map(quotaToProto),
      infos: quotas.map(({ role, guarantees }) => ({
        role,
        guarantee: resourcesToProto(
          Resources.of(
            [...guarantees].map(([name, milli]) => ({
              name,
              value: { kind: 'scalar', milli },
              reservations: [],
            })),
          ),
        ),
      })),
    },
    consumptions: quotas.map(({ role }) => ({
      role,
      consumed: quantitiesToProto(consumptionOf(view, role, { withOffers: true })),
    })),
  };
}

export function weightsOf(view: MasterView): GetWeightsResponse {
  return {
    weightInfos: [...view.weights]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([role, weight]) => ({ role, weight })),
  };
}
