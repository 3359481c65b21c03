import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerId as asContainerId, isFailure, type ContainerId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { Attachment } from './attachment';
import { parseNetworkConfig, type JsonObject } from './network-config';

/** What is known of the network namespace of a container or a pod. */
export interface NetworkRecord {
  readonly owner: ContainerId;
  readonly hostname: string;
  /** Those that were begun, in order: each must be undone. */
  readonly attachments: Attachment[];
}

const fileName = 'network.json';

/**
 * Records on disk, a directory for each: an agent that was killed must still find whom to sign off from the networks.
 *
 * A record is written before what it tells of is tried.
 */
export class NetworkRecords {
  constructor(private readonly directory: string) {}

  directoryOf(owner: ContainerId): string {
    return join(this.directory, owner);
  }

  async write(record: NetworkRecord): Promise<void> {
    const directory = this.directoryOf(record.owner);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, fileName);
    await writeFile(`${path}.tmp`, JSON.stringify(stored(record)));
    await rename(`${path}.tmp`, path);
  }

  async remove(owner: ContainerId): Promise<void> {
    await rm(this.directoryOf(owner), { recursive: true, force: true });
  }

  /**
   * Every record. One that cannot be read is removed: it was not whole on disk when the machine broke down, and its namespace went with the
   * machine.
   */
  async readAll(): Promise<readonly NetworkRecord[]> {
    const names = await readdir(this.directory).catch(() => []);
    const records: NetworkRecord[] = [];
    for (const name of names) {
      const owner = asContainerId(name);
      const text = await readFile(join(this.directory, name, fileName), 'utf8').catch(() => '');
      const record = read(owner, text);
      if (record === undefined) await this.remove(owner);
      else records.push(record);
    }
    return records;
  }
}

interface StoredRecord {
  readonly hostname: string;
  readonly attachments: readonly (Omit<Attachment, 'network'> & { readonly network: JsonObject })[];
}

function stored({ hostname, attachments }: NetworkRecord): StoredRecord {
  return {
    hostname,
    attachments: attachments.map(({ network, ...rest }) => ({
      ...rest,
      network: {
        name: network.name,
        cniVersion: network.cniVersion,
        plugins: network.plugins.map(({ given }) => given),
      },
    })),
  };
}

function read(owner: ContainerId, text: string): NetworkRecord | undefined {
  try {
    const { hostname, attachments } = JSON.parse(text) as StoredRecord;
    return {
      owner,
      hostname,
      attachments: attachments.map(({ network, ...rest }) => {
        const config = parseNetworkConfig(JSON.stringify(network));
        if (isFailure(config)) throw new FailureError(config);
        return { ...rest, network: config };
      }),
    };
  } catch {
    return undefined;
  }
}
