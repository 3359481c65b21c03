import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, type Failure } from '@meseta/model';
import { findProgram } from '../runtime/process/programs';
import { parseNetworkConfig, type NetworkConfig } from './network-config';

/**
 * Reads every configuration of a directory, in the order of the files' names.
 *
 * @param pluginDirectories where each plugin must be found
 * @returns the networks by name; a failure names the file and the rule
 */
export async function loadNetworks(
  directory: string,
  pluginDirectories: readonly string[],
): Promise<ReadonlyMap<string, NetworkConfig> | Failure> {
  const names = await readdir(directory).catch(unreadable);
  if (isFailure(names)) return failure('invalid', `--network-config-dir: ${names.message}`);
  const networks = new Map<string, NetworkConfig>();
  const files = new Map<string, string>();
  for (const file of names.filter((name) => /\.(conf|conflist|json)$/.test(name)).sort()) {
    const path = join(directory, file);
    const refuse = (why: string): Failure => failure('invalid', `--network-config-dir: ${path}: ${why}`);
    const text = await readFile(path, 'utf8').catch(unreadable);
    const network = isFailure(text) ? text : parseNetworkConfig(text);
    if (isFailure(network)) return refuse(network.message);
    const other = files.get(network.name);
    if (other !== undefined) return refuse(`name must be unique: ${other} names '${network.name}' too`);
    for (const { type } of network.plugins)
      if ((await findProgram(type, pluginDirectories)) === undefined)
        return refuse(
          `there is no plugin '${type}' in ${pluginDirectories.join(', ')} (--network-plugin-dir)`,
        );
    networks.set(network.name, network);
    files.set(network.name, file);
  }
  return networks;
}

function unreadable({ message }: NodeJS.ErrnoException): Failure {
  return failure('invalid', message);
}
