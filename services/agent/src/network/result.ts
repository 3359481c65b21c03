import { isIPv4 } from 'node:net';
import { isObject, type JsonObject } from './network-config';

/** What of a plugin's result the agent uses. */
export interface NetworkResult {
  /** Without the length of the prefix. */
  readonly addresses: readonly string[];
  readonly dns: Dns;
}

/** How names are resolved, as resolv.conf(5) has it. */
export interface Dns {
  readonly nameservers: readonly string[];
  readonly domain?: string;
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Reads a result of the versions 0.3.1 to 1.0.0. What is missing is empty. */
export function readResult(result: JsonObject | undefined): NetworkResult {
  const ips = Array.isArray(result?.['ips']) ? (result['ips'] as unknown[]) : [];
  const addresses = ips.flatMap((ip) => {
    const address = isObject(ip) ? ip['address'] : undefined;
    return typeof address === 'string' ? [address.split('/')[0] ?? ''] : [];
  });
  const dns = isObject(result?.['dns']) ? result['dns'] : {};
  return { addresses: [...new Set(addresses)], dns: readDns(dns) };
}

/** Reads what CNI and Mesos write alike. What is missing is empty. */
export function readDns({ nameservers, domain, search, options }: JsonObject): Dns {
  return {
    nameservers: textsOf(nameservers),
    ...(typeof domain === 'string' && domain !== '' && { domain }),
    search: textsOf(search),
    options: textsOf(options),
  };
}

/** The address by which a container is reached: its first of version 4, else its first. */
export function mainAddressOf(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => isIPv4(address)) ?? addresses[0];
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : [];
}
