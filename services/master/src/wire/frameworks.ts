import { Resources } from '@meseta/model';
import { resourcesToProto, type master } from '@meseta/protocol';
import { isTerminal } from '@meseta/model';
import type { CompletedFramework, Framework, MasterView } from '../state/state';
import { offerToProto } from './offers';
import { fullDialect } from './resources';
import { timeInfo } from './times';

/** A framework as in the v1 answer. */
export function frameworkToProto(
  framework: Framework,
  view: Pick<MasterView, 'offers' | 'agents'>,
): master.Response_GetFrameworks_Framework {
  let offered = Resources.empty;
  let used = Resources.empty;
  const offers = [];
  for (const offerId of framework.offers) {
    const offer = view.offers.get(offerId);
    const agent = offer === undefined ? undefined : view.agents.get(offer.agentId);
    if (offer === undefined || agent === undefined) continue;
    offered = offered.add(offer.resources.allocate(offer.role));
    offers.push(offerToProto(offer, agent, fullDialect));
  }
  for (const task of framework.tasks.values())
    if (!isTerminal(task.state)) used = used.add(task.resources.allocate(task.role));
  return {
    frameworkInfo: framework.info,
    active: framework.membership === 'active',
    connected: framework.membership === 'active',
    recovered: framework.membership === 'recovered',
    registeredTime: timeInfo(framework.registeredAt),
    reregisteredTime: timeInfo(framework.reregisteredAt),
    offers,
    inverseOffers: [],
    allocatedResources: resourcesToProto(used),
    offeredResources: resourcesToProto(offered),
  };
}

/** A framework that is gone. */
export function completedFrameworkToProto(
  framework: CompletedFramework,
): master.Response_GetFrameworks_Framework {
  return {
    frameworkInfo: framework.info,
    active: false,
    connected: false,
    recovered: false,
    registeredTime: timeInfo(framework.registeredAt),
    unregisteredTime: timeInfo(framework.removedAt),
    offers: [],
    inverseOffers: [],
    allocatedResources: [],
    offeredResources: [],
  };
}
