import { join } from 'node:path';
import { failure, isFailure } from '@meseta/model';
import { FailureError, type Logger, type Timers } from '@meseta/kit';
import type { AgentConfig } from '../config';
import { findProgram } from '../runtime/process/programs';
import { agentRunDirectory } from '../runtime/run-directory';
import { parseDefaultDns } from './default-dns';
import { loadNetworks } from './load';
import { Networks, type NetworkListener } from './networks';

/** What networks need of the agent around them. */
export interface CreateNetworksOptions {
  readonly config: Pick<
    AgentConfig,
    'workDir' | 'networkConfigDir' | 'networkPluginDir' | 'defaultContainerDns'
  >;
  /** Tells the agents of one machine apart. */
  readonly agentName: string;
  readonly onCommand: NetworkListener;
  readonly log: Logger;
  readonly timers: Timers;
}

/**
 * Reads the operator's networks. An agent without any still undoes those of a former life.
 *
 * @returns undefined where the machine lacks the programs that network namespaces need, and no network is configured
 * @throws FailureError of one line that names the file and the rule
 */
export async function createNetworks(options: CreateNetworksOptions): Promise<Networks | undefined> {
  const { agentName, onCommand, log, timers } = options;
  const { workDir, networkConfigDir, networkPluginDir: pluginDirectories } = options.config;
  const configs =
    networkConfigDir === undefined ? new Map() : await loadNetworks(networkConfigDir, pluginDirectories);
  if (isFailure(configs)) throw new FailureError(configs);
  const defaultDns = parseDefaultDns(options.config.defaultContainerDns ?? '{"mesos":[]}');
  if (isFailure(defaultDns))
    throw new FailureError(failure('invalid', `--default-container-dns: ${defaultDns.message}`));
  const [unshare, umount] = await Promise.all(['unshare', 'umount'].map((name) => findProgram(name)));
  if (configs.size > 0) {
    if (unshare === undefined || umount === undefined)
      throw new FailureError(failure('denied', '--network-config-dir needs the programs unshare and umount'));
    if ((await findProgram('loopback', pluginDirectories)) === undefined)
      throw new FailureError(
        failure(
          'invalid',
          `--network-plugin-dir: there is no plugin 'loopback' in ${pluginDirectories.join(', ')}`,
        ),
      );
    log.info({ networks: [...configs.keys()] }, 'tasks may join networks');
  }
  if (unshare === undefined || umount === undefined) return undefined;
  return new Networks({
    configs,
    pluginDirectories,
    defaultDns,
    directory: join(workDir, 'meta', 'networks'),
    namespaces: join(agentRunDirectory(agentName), 'net'),
    programs: { unshare, umount },
    onCommand,
    log,
    timers,
  });
}
