import { Resources } from '@meseta/model';
import { resourcesToProto, type master } from '@meseta/protocol';
import type { CompletedFramework, Framework, MasterView } from '../state/state';
import { executorsByFramework, sumOf, usedBy } from './held';
import { offerToProto } from './offers';
import { fullDialect } from './resources';
import { timeInfo } from './times';

/**
 * A framework as in the v1 answer.
 *
 * @param executors those of every framework, if they are known already: to find them takes a look at every agent
 */
export function frameworkToProto(
  framework: Framework,
  view: Pick<MasterView, 'offers' | 'agents'>,
  executors = executorsByFramework(view.agents.values()),
): master.Response_GetFrameworks_Framework {
  let offered = Resources.empty;
  const offers = [];
  for (const offerId of framework.offers) {
    const offer = view.offers.get(offerId);
    const agent = offer === undefined ? undefined : view.agents.get(offer.agentId);
    if (offer === undefined || agent === undefined) continue;
    offered = offered.add(offer.resources.describedBy(agent.total).allocate(offer.role));
    offers.push(offerToProto(offer, agent, fullDialect));
  }
  return {
    frameworkInfo: framework.info,
    active: framework.membership === 'active',
    connected: framework.membership === 'active',
    recovered: framework.membership === 'recovered',
    registeredTime: timeInfo(framework.registeredAt),
    reregisteredTime: timeInfo(framework.reregisteredAt),
    offers,
    inverseOffers: [],
    allocatedResources: resourcesToProto(sumOf(usedBy(framework, executors))),
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
