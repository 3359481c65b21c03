import { failure, isFailure, type Failure } from '@meseta/model';

/**
 * A network that containers may join: the plugins that make it, in the order in which they are asked.
 *
 * @see https://www.cni.dev/docs/spec/
 */
export interface NetworkConfig {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginConfig[];
}

/** One plugin, with all that its file says of it: what we do not know is for the plugin. */
export interface PluginConfig {
  /** The plugin's program. */
  readonly type: string;
  /** What it may be told for each container. */
  readonly capabilities: ReadonlySet<string>;
  readonly given: JsonObject;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Versions of the interface of which the agent speaks; results of older ones have another form. */
export const cniVersions: readonly string[] = ['0.3.1', '0.4.0', '1.0.0'];

/** What may be told for a container through a plugin of the network that declares it. */
export type NetworkCapability = 'portMappings' | 'ips';

export function canTell(network: NetworkConfig, capability: NetworkCapability): boolean {
  return network.plugins.some(({ capabilities }) => capabilities.has(capability));
}

/** Reads the text of a configuration: one plugin, or a list of them under `plugins`. The failure names the field and the rule. */
export function parseNetworkConfig(text: string): NetworkConfig | Failure {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return failure('invalid', `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(json)) return failure('invalid', 'must be a JSON object');
  const { name, cniVersion, plugins } = json;
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
    return broken('name', 'must begin with a letter or digit and go on with these, _, . and -');
  if (typeof cniVersion !== 'string' || !cniVersions.includes(cniVersion))
    return broken('cniVersion', `must be one of ${cniVersions.join(', ')}`);
  if (plugins === undefined) {
    const plugin = parsePlugin(json, '');
    return isFailure(plugin) ? plugin : { name, cniVersion, plugins: [plugin] };
  }
  if (!Array.isArray(plugins) || plugins.length === 0)
    return broken('plugins', 'must be a list of at least one plugin');
  const read: PluginConfig[] = [];
  for (const [at, one] of plugins.entries()) {
    const plugin = parsePlugin(one, `plugins[${at}].`);
    if (isFailure(plugin)) return plugin;
    read.push(plugin);
  }
  return { name, cniVersion, plugins: read };
}

function parsePlugin(given: unknown, at: string): PluginConfig | Failure {
  if (!isObject(given)) return broken(at.replace(/\.$/, ''), 'must be a JSON object');
  const { type, capabilities = {} } = given;
  if (typeof type !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(type))
    return broken(`${at}type`, 'must be the name of a plugin’s program, without a path');
  if (!isObject(capabilities) || Object.values(capabilities).some((has) => typeof has !== 'boolean'))
    return broken(`${at}capabilities`, 'must say true or false of each capability');
  const declared = Object.keys(capabilities).filter((capability) => capabilities[capability] === true);
  return { type, capabilities: new Set(declared), given };
}

function broken(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
