import { failure, Resources, type Failure } from '@meseta/model';
import { isFailureError } from '@meseta/kit';
import { ContainerInfo, ContainerInfo_Type } from '@meseta/protocol';
import { networkRefusal } from '../network/joinable';
import type { NetworkConfig } from '../network/network-config';
import type { LaunchedExecutor, LaunchedTask, Order, Plan } from '../state/command';
import { containerVolumes } from './container-volumes';

/** What of a container may be said once for all. What is left out makes sense for one task only, or for Docker. */
const fieldsKnown = ['type', 'volumes', 'mesos', 'networkInfos', 'linuxInfo', 'rlimitInfo', 'hostname'];

/**
 * Reads a container for all that bring none (G46), as a ContainerInfo in JSON.
 *
 * @returns a failure that names the field and the rule
 */
export function parseDefaultContainer(text: string): ContainerInfo | Failure {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failure('invalid', 'must be JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return failure('invalid', 'must be an object');
  const unknown = Object.keys(json).find((name) => !fieldsKnown.includes(camelCase(name)));
  if (unknown !== undefined) return failure('invalid', `${unknown} cannot be said for all`);
  const container = ContainerInfo.fromJSON(json);
  if (container.type !== ContainerInfo_Type.MESOS) return failure('invalid', 'type must be MESOS');
  try {
    containerVolumes(container.volumes, '/sandbox', undefined);
  } catch (error) {
    if (isFailureError(error)) return error.failure;
    throw error;
  }
  return container;
}

/** Why the containers of an agent with these networks cannot all be so; undefined if they can. */
export function defaultContainerRefusal(
  container: ContainerInfo,
  networks: ReadonlyMap<string, NetworkConfig> | undefined,
): string | undefined {
  return networkRefusal(container, Resources.empty, networks);
}

/** Orders in which what the runtime process is to run has the container, where it brought none: commands and executors, as in Mesos. */
export function withDefaultContainer(
  orders: readonly Order[],
  container: ContainerInfo | undefined,
): readonly Order[] {
  if (container === undefined) return orders;
  const ofExecutor = (executor: LaunchedExecutor): LaunchedExecutor =>
    isMeant(executor.plan, executor.info.container)
      ? { ...executor, info: { ...executor.info, container } }
      : executor;
  const ofTask = <T extends LaunchedTask>(launched: T): T =>
    isMeant(launched.plan, launched.task.container)
      ? { ...launched, task: { ...launched.task, container } }
      : launched;
  return orders.map((order) => {
    switch (order.kind) {
      case 'launch':
        return order.executor === undefined
          ? ofTask(order)
          : { ...order, executor: ofExecutor(order.executor) };
      case 'launchGroup':
        return { ...order, executor: ofExecutor(order.executor) };
      default:
        return order;
    }
  });
}

function isMeant(plan: Plan, given: ContainerInfo | undefined): boolean {
  return 'runtime' in plan && plan.runtime === 'process' && given === undefined;
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
