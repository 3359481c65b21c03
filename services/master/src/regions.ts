import { isFailure, type Domain } from '@meseta/model';
import { domainFromProto, type DomainInfo } from '@meseta/protocol';

/**
 * Why a master may not stand by under a leader (R67): all masters of a cluster are in one region. Undefined when it may, also when only one of them says
 * where it is: masters get their domains one after another.
 */
export function regionClash(own: Domain | undefined, leader: DomainInfo | undefined): string | undefined {
  const there = domainFromProto('leader.domain', leader);
  if (own === undefined || there === undefined || isFailure(there) || own.region === there.region)
    return undefined;
  return `--domain: this master is in region ${own.region}, and the leader in region ${there.region}: all masters of a cluster must be in one region`;
}
