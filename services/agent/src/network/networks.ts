import { join } from 'node:path';
import { failure, type ContainerId } from '@meseta/model';
import { FailureError, isFailureError, type Logger, type Timers } from '@meseta/kit';
import type { ContainerFacts } from '../state/state';
import { capabilityArgumentsOf, mesosArgumentsOf } from './arguments';
import { attach, detach, type Attachment, type Place } from './attachment';
import { writeContainerFiles } from './container-files';
import type { ContainerNetwork } from './container-network';
import { defaultDnsOf, type DefaultDns } from './default-dns';
import { createNamespace, removeNamespace, type NamespacePrograms } from './namespace';
import type { NetworkConfig } from './network-config';
import { NetworkRecords, type NetworkRecord } from './network-record';
import { callPlugin } from './plugin';
import { mainAddressOf, readResult } from './result';
import { lastLineOf } from '../last-line';
import { isMountPoint } from '../runtime/process/mounts';
import { Members } from '../members';
import { Turns } from '../turns';

/** When a network that could not be left is tried again. Milliseconds. */
const retryMs = 30_000;

export interface NetworksOptions {
  readonly configs: ReadonlyMap<string, NetworkConfig>;
  readonly pluginDirectories: readonly string[];
  readonly defaultDns: DefaultDns;
  /** Of records, which outlive the agent. */
  readonly directory: string;
  /** Of network namespaces: a file each. */
  readonly namespaces: string;
  readonly programs: NamespacePrograms;
  readonly onCommand: NetworkListener;
  readonly log: Logger;
  readonly timers: Timers;
}

/** Told of everything that was asked of a network: of all of its plugins together. */
export type NetworkListener = (command: 'ADD' | 'DEL', succeeded: boolean, seconds: number) => void;

/** Where a container is on the network. */
export interface JoinedNetwork {
  /** The path of its network namespace. */
  readonly namespace: string;
  readonly hostname: string;
  /** Of the files that it finds in /etc. */
  readonly directory: string;
  readonly facts: Pick<ContainerFacts, 'ip' | 'networks'>;
}

/**
 * The networks of containers: a network namespace for each container or pod that asks for one, in the networks that the operator has
 * configured. It is made with the first member and goes with the last.
 */
export class Networks {
  private readonly records: NetworkRecords;
  private readonly known = new Map<ContainerId, NetworkRecord>();
  /** Which containers are in the namespace of each owner. */
  private readonly members = new Members();
  private readonly turns = new Turns<ContainerId>();
  private cancelRetry: (() => void) | undefined;

  constructor(private readonly options: NetworksOptions) {
    this.records = new NetworkRecords(options.directory);
  }

  /** The networks that may be joined. */
  get configs(): ReadonlyMap<string, NetworkConfig> {
    return this.options.configs;
  }

  /** Finds the namespaces of a former life again. Containers that are no more are to {@link leave}, and then {@link sweep} is to be called. */
  async recover(
    known: readonly {
      readonly containerId: ContainerId;
      readonly groupId?: ContainerId;
      readonly isGroup?: boolean;
    }[],
  ): Promise<void> {
    for (const record of await this.records.readAll()) this.known.set(record.owner, record);
    for (const { containerId, groupId, isGroup } of known) {
      const owner = groupId ?? containerId;
      if (isGroup !== true && this.known.has(owner)) this.members.enter(containerId, owner);
    }
  }

  /** Lets go of every namespace that nobody is in. */
  async sweep(): Promise<void> {
    for (const owner of [...this.known.keys()])
      if (!this.members.has(owner)) await this.turns.take(owner, () => this.undo(owner));
  }

  /**
   * Takes a container into its networks.
   *
   * @throws FailureError when a network is not known or its plugin refuses; then nothing of it is left
   */
  join(containerId: ContainerId, wanted: ContainerNetwork): Promise<JoinedNetwork> {
    const { owner } = wanted;
    return this.turns.take(owner, async () => {
      // One that could not be undone may be in the way of its successor.
      if (this.known.has(owner) && !this.members.has(owner)) await this.undo(owner);
      const record = this.members.has(owner) ? this.known.get(owner) : undefined;
      const joined = record ?? (await this.make(wanted));
      this.members.enter(containerId, owner);
      return this.joinedOf(joined);
    });
  }

  /** The container has ended. Does nothing for one that is in no network. */
  async leave(containerId: ContainerId): Promise<void> {
    const owner = this.members.ownerOf(containerId);
    if (owner === undefined) return;
    await this.turns.take(owner, async () => {
      if (this.members.leave(containerId)) await this.undo(owner);
    });
  }

  /** Where a container is; undefined for one that is in no network. */
  of(containerId: ContainerId): JoinedNetwork | undefined {
    const owner = this.members.ownerOf(containerId);
    const record = owner === undefined ? undefined : this.known.get(owner);
    return record === undefined ? undefined : this.joinedOf(record);
  }

  close(): void {
    this.cancelRetry?.();
  }

  private async make({ owner, infos, hostname }: ContainerNetwork): Promise<NetworkRecord> {
    const record: NetworkRecord = { owner, hostname: hostname ?? owner, attachments: [] };
    this.known.set(owner, record);
    try {
      await this.records.write(record);
      await createNamespace(this.options.programs, this.namespaceOf(owner));
      await this.raiseLoopback(owner);
      for (const [at, info] of infos.entries()) {
        const network = this.configs.get(info.name ?? '');
        if (network === undefined) throw noNetwork(info.name);
        const attachment: Attachment = {
          network,
          ifName: `eth${at}`,
          capabilityArguments: capabilityArgumentsOf(info),
          mesosArguments: mesosArgumentsOf(info),
        };
        record.attachments.push(attachment);
        await this.records.write(record);
        attachment.result = await this.timed('ADD', async () =>
          attach(await this.placeOf(owner), attachment),
        );
      }
      await this.records.write(record);
      const results = record.attachments.map(({ result }) => readResult(result));
      const dns = record.attachments
        .map(({ network }, at) => {
          const own = results[at]?.dns;
          return own !== undefined && own.nameservers.length > 0
            ? own
            : defaultDnsOf(this.options.defaultDns, network.name);
        })
        .find((one) => one !== undefined);
      await writeContainerFiles(
        this.records.directoryOf(owner),
        record.hostname,
        results.flatMap(({ addresses }) => addresses),
        dns ?? { nameservers: [], search: [], options: [] },
      );
      return record;
    } catch (error) {
      await this.undo(owner);
      throw isFailureError(error) ? error : cannotMake(error);
    }
  }

  /** Undoes all that was begun. What fails is told in the log and tried again later: nobody is to wait for it. */
  private async undo(owner: ContainerId): Promise<void> {
    const record = this.known.get(owner);
    if (record === undefined) return;
    try {
      const place = await this.placeOf(owner);
      for (const attachment of [...record.attachments].reverse()) {
        await this.timed('DEL', () => detach(place, attachment));
        record.attachments.pop();
      }
      await removeNamespace(this.options.programs, this.namespaceOf(owner));
      await this.records.remove(owner);
      this.known.delete(owner);
    } catch (error) {
      this.options.log.warn(
        { err: error, containerId: owner },
        'a container’s network could not be undone; will try again',
      );
      this.cancelRetry ??= this.options.timers.after(retryMs, () => {
        this.cancelRetry = undefined;
        void this.sweep();
      });
    }
  }

  private async raiseLoopback(owner: ContainerId): Promise<void> {
    const call = { ...(await this.placeOf(owner)), command: 'ADD', type: 'loopback', ifName: 'lo' } as const;
    await callPlugin(call, { cniVersion: '0.4.0', name: 'loopback', type: 'loopback' });
  }

  private async timed<T>(command: 'ADD' | 'DEL', fn: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    let succeeded = false;
    try {
      const result = await fn();
      succeeded = true;
      return result;
    } finally {
      this.options.onCommand(command, succeeded, (performance.now() - startMs) / 1000);
    }
  }

  private async placeOf(owner: ContainerId): Promise<Place> {
    const path = this.namespaceOf(owner);
    // After a restart of the machine there is none.
    const namespace = (await isMountPoint(path)) ? path : '';
    return { containerId: owner, namespace, directories: this.options.pluginDirectories };
  }

  private namespaceOf(owner: ContainerId): string {
    return join(this.options.namespaces, owner);
  }

  private joinedOf({ owner, hostname, attachments }: NetworkRecord): JoinedNetwork {
    const networks = attachments.map(({ network, result }) => ({
      name: network.name,
      addresses: readResult(result).addresses,
    }));
    const ip = mainAddressOf(networks.flatMap(({ addresses }) => addresses));
    return {
      namespace: this.namespaceOf(owner),
      hostname,
      directory: this.records.directoryOf(owner),
      facts: { networks, ...(ip !== undefined && { ip }) },
    };
  }
}

function noNetwork(name: string | undefined): FailureError {
  return new FailureError(
    failure('conflict', `no network '${name}' on this agent`, { field: 'network_infos' }),
  );
}

/** A program of the machine failed, whose last line says why. */
function cannotMake(error: unknown): FailureError {
  const why = error instanceof Error ? lastLineOf(error.message) : String(error);
  return new FailureError(failure('conflict', `cannot make a network namespace: ${why}`));
}
