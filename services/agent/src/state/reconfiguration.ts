import { printAttributes, rangesContain, type Attribute, type Domain, type Resources } from '@meseta/model';

/** What an operator says of an agent, and the master is told. */
export interface Configuration {
  readonly hostname: string;
  readonly domain?: Domain;
  readonly attributes: readonly Attribute[];
  readonly resources: Resources;
}

/** How an agent that comes back may differ from what it was: at will, by having more, or not at all. */
export const reconfigurationPolicies = ['any', 'additive', 'equal'] as const;
export type ReconfigurationPolicy = (typeof reconfigurationPolicies)[number];

/** Why an agent may not come back so (G10); undefined if it may. */
export function reconfigurationRefusal(
  policy: ReconfigurationPolicy,
  before: Configuration,
  now: Configuration,
): string | undefined {
  if (policy === 'any') return undefined;
  const changed = (what: string, old: string, own: string): string =>
    `its ${what} changed from ${old} to ${own}`;
  if (before.hostname !== now.hostname) return changed('hostname', before.hostname, now.hostname);
  const domains = [before.domain, now.domain].map(printDomain);
  const [oldDomain = '', newDomain = ''] = domains;
  // One that said nothing of it may say so now.
  if (oldDomain !== newDomain && (policy === 'equal' || before.domain !== undefined))
    return changed('domain', oldDomain, newDomain);
  const isSame = policy === 'equal';
  const attributesAgree =
    (!isSame || before.attributes.length === now.attributes.length) &&
    before.attributes.every((old) => now.attributes.some((one) => isAs(old, one, isSame)));
  if (!attributesAgree) return changed('attributes', printAll(before.attributes), printAll(now.attributes));
  const resourcesAgree = isSame
    ? now.resources.equals(before.resources)
    : now.resources.contains(before.resources);
  if (!resourcesAgree) return changed('resources', before.resources.toString(), now.resources.toString());
  return undefined;
}

/** Whether an attribute is what it was; ranges may have grown unless they must be the same. */
function isAs(old: Attribute, one: Attribute, isSame: boolean): boolean {
  if (old.name !== one.name) return false;
  if (!isSame && old.value.kind === 'ranges' && one.value.kind === 'ranges')
    return rangesContain(one.value.ranges, old.value.ranges);
  return printAttributes([old]) === printAttributes([one]);
}

function printDomain(domain: Domain | undefined): string {
  return domain === undefined ? 'none' : `${domain.region}/${domain.zone}`;
}

function printAll(attributes: readonly Attribute[]): string {
  return attributes.length === 0 ? 'none' : printAttributes(attributes);
}
