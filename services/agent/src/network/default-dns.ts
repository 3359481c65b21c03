import { failure, type Failure } from '@meseta/model';
import { isObject } from './network-config';
import { readDns, type Dns } from './result';

/** How names are resolved in networks whose plugins name no servers: by the network's name, under the empty name for every other. */
export type DefaultDns = ReadonlyMap<string, Dns>;

/** The name of an entry that names no network. */
const anyNetwork = '';

/**
 * Reads what Mesos's agents take as `--default_container_dns`: `{"mesos": [{"network_mode": "CNI", "network_name": "…", "dns": {…}}]}`.
 *
 * @returns a failure that names the field and the rule
 */
export function parseDefaultDns(text: string): DefaultDns | Failure {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failure('invalid', 'must be JSON');
  }
  if (!isObject(json) || Object.keys(json).some((name) => name !== 'mesos') || !Array.isArray(json['mesos']))
    return failure('invalid', 'must have a list under "mesos", and nothing else');
  const found = new Map<string, Dns>();
  for (const [at, entry] of (json['mesos'] as unknown[]).entries()) {
    const broken = (rule: string): Failure => failure('invalid', `mesos[${at}]${rule}`);
    if (!isObject(entry)) return broken(' must be an object');
    const { network_mode: mode, network_name: name = anyNetwork, dns } = entry;
    if (mode !== 'CNI') return broken('.network_mode must be CNI');
    if (typeof name !== 'string') return broken('.network_name must be text');
    if (found.has(name)) return broken('.network_name must be unique');
    const read = isObject(dns) ? readDns(dns) : undefined;
    if (read === undefined || read.nameservers.length === 0)
      return broken('.dns.nameservers must name at least one server');
    found.set(name, read);
  }
  return found;
}

/** What holds for a network whose plugins name no servers; undefined for the machine's own. */
export function defaultDnsOf(dns: DefaultDns, network: string): Dns | undefined {
  return dns.get(network) ?? dns.get(anyNetwork);
}
