import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dns } from './result';

/** The files of a container with a network of its own, by the names under which it finds them. */
const targets = { hosts: '/etc/hosts', hostname: '/etc/hostname', resolv: '/etc/resolv.conf' } as const;

/** A file that a container is to find at a place of its own. */
export interface ContainerFile {
  readonly source: string;
  readonly target: string;
}

/** Where the servers are that a local resolver asks, on machines that have one: it is not reached from another network. */
const upstreamResolv = '/run/systemd/resolve/resolv.conf';

/** Writes the files of a container. @param dns empty for the machine's own */
export async function writeContainerFiles(
  directory: string,
  hostname: string,
  addresses: readonly string[],
  dns: Dns,
): Promise<void> {
  const texts = {
    hosts: hostsText(hostname, addresses),
    hostname: `${hostname}\n`,
    resolv: dns.nameservers.length > 0 ? resolvText(dns) : await machineResolv(),
  };
  for (const [name, text] of Object.entries(texts))
    await writeFile(join(directory, name), text, { mode: 0o644 });
}

/** What is mounted of them. Of the machine's root only files that are there are covered; over an image a place is made for each. */
export async function containerFilesOf(
  directory: string,
  hasImage: boolean,
): Promise<readonly ContainerFile[]> {
  const files: ContainerFile[] = [];
  for (const [name, target] of Object.entries(targets))
    if (hasImage || (await isThere(target))) files.push({ source: join(directory, name), target });
  return files;
}

export function hostsText(hostname: string, addresses: readonly string[]): string {
  const lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback'];
  return [...lines, ...addresses.map((address) => `${address} ${hostname}`), ''].join('\n');
}

export function resolvText({ nameservers, domain, search, options }: Dns): string {
  return [
    ...(domain === undefined ? [] : [`domain ${domain}`]),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
    ...nameservers.map((server) => `nameserver ${server}`),
    '',
  ].join('\n');
}

async function machineResolv(): Promise<string> {
  const own = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  if (!/^\s*nameserver\s+(127\.|::1)/m.test(own)) return own;
  return readFile(upstreamResolv, 'utf8').catch(() => own);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
