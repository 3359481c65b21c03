import { failure } from '@meseta/model';
import { FailureError, isFailureError } from '@meseta/kit';
import type { CapabilityArguments } from './arguments';
import {
  isObject,
  type JsonObject,
  type NetworkCapability,
  type NetworkConfig,
  type PluginConfig,
} from './network-config';
import { callPlugin, type PluginCall } from './plugin';

/** A container's place in one network: all that is needed to undo it, whatever became of the network's configuration since. */
export interface Attachment {
  readonly network: NetworkConfig;
  readonly ifName: string;
  readonly capabilityArguments: CapabilityArguments;
  readonly mesosArguments: JsonObject;
  /** What the last plugin answered; unset until it has. */
  result?: JsonObject;
}

/** Where an attachment is made. */
export type Place = Omit<PluginCall, 'command' | 'type' | 'ifName'>;

/**
 * Asks the plugins of a network, one after the other, to take a container in. Each gets the result of the one before.
 *
 * @returns the last one's result
 * @throws FailureError of the first that fails; those before it are not undone
 */
export async function attach(place: Place, attachment: Attachment): Promise<JsonObject> {
  const { network, ifName } = attachment;
  let result: JsonObject | undefined;
  try {
    for (const plugin of network.plugins) {
      const call = { ...place, command: 'ADD', type: plugin.type, ifName } as const;
      result = (await callPlugin(call, configFor(plugin, attachment, result))) ?? result;
    }
  } catch (error) {
    if (!isFailureError(error)) throw error;
    throw new FailureError(failure('conflict', `cannot join network '${network.name}': ${error.message}`));
  }
  return result ?? {};
}

/** Asks the plugins of a network, in reverse, to forget a container. One that fails stops the rest, so that it can be tried again. */
export async function detach(place: Place, attachment: Attachment): Promise<void> {
  for (const plugin of [...attachment.network.plugins].reverse()) {
    const { type } = plugin;
    const call = { ...place, command: 'DEL', type, ifName: attachment.ifName } as const;
    await callPlugin(call, configFor(plugin, attachment, attachment.result));
  }
}

/** What a plugin is told: its part of the file, and what the runtime adds. */
function configFor(
  plugin: PluginConfig,
  attachment: Attachment,
  previous: JsonObject | undefined,
): JsonObject {
  const { name, cniVersion } = attachment.network;
  const known = Object.entries(attachment.capabilityArguments).filter(([capability]) =>
    plugin.capabilities.has(capability as NetworkCapability),
  );
  const { args, runtimeConfig } = plugin.given;
  return {
    ...plugin.given,
    name,
    cniVersion,
    args: { ...(isObject(args) && args), ...attachment.mesosArguments },
    ...(known.length > 0 && {
      runtimeConfig: { ...(isObject(runtimeConfig) && runtimeConfig), ...Object.fromEntries(known) },
    }),
    ...(previous !== undefined && { prevResult: previous }),
  };
}
