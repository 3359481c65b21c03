import { failure, type Domain, type Failure } from '@meseta/model';
import type { DomainInfo } from '../gen/meseta/v1/domains';

/** A place as it goes over the wire. */
export function domainToProto({ region, zone }: Domain): DomainInfo {
  return { faultDomain: { region: { name: region }, zone: { name: zone } } };
}

/** A place that came over the wire: undefined if none was said, a failure if it was said by half. */
export function domainFromProto(field: string, domain: DomainInfo | undefined): Domain | Failure | undefined {
  const place = domain?.faultDomain;
  if (place === undefined) return undefined;
  for (const half of ['region', 'zone'] as const)
    if ((place[half]?.name ?? '') === '')
      return failure('invalid', `${field}.fault_domain.${half}.name must not be empty`, {
        field: `${field}.fault_domain.${half}.name`,
      });
  return { region: place.region?.name ?? '', zone: place.zone?.name ?? '' };
}
