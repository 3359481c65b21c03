import { attributesToProto, type Offer as ProtoOffer } from '@meseta/protocol';
import type { Agent, Offer } from '../state/state';
import { allocatedResources, type Dialect } from './resources';

/** An offer as its framework sees it (S49). */
export function offerToProto(offer: Offer, agent: Agent, dialect: Dialect): ProtoOffer {
  const [host = '', port = ''] = splitAddress(agent.httpAddress);
  return {
    id: { value: offer.id },
    frameworkId: { value: offer.frameworkId },
    agentId: { value: agent.id },
    hostname: agent.hostname,
    url: {
      scheme: 'http',
      address: { hostname: agent.hostname, ip: host, port: Number(port) },
      path: '/slave(1)',
      query: [],
    },
    domain: agent.info.domain,
    resources: allocatedResources(offer.resources, offer.role, dialect),
    attributes: attributesToProto(agent.attributes),
    executorIds: [...agent.executors.values()]
      .filter((executor) => executor.frameworkId === offer.frameworkId)
      .map((executor) => ({ value: executor.id })),
    allocationInfo: dialect.multiRole ? { role: offer.role } : undefined,
  };
}

function splitAddress(address: string): [string, string] {
  const cut = address.lastIndexOf(':');
  return cut < 0 ? [address, '0'] : [address.slice(0, cut), address.slice(cut + 1)];
}
