import { failure, isFailure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { AgentConfig } from '../config';
import { givenResources } from '../resources/given';
import { detectGpus, selectGpus } from './detect';
import type { Gpu, GpuPaths, MachineGpus } from './gpu';

/**
 * The gpus that an agent offers, of those that its machine has: those that the operator chose, and of them no more than `--resources` names.
 *
 * @throws FailureError where more are named than there are: a task must not be given one that does not exist (R62)
 */
export async function offeredGpus(
  config: Pick<AgentConfig, 'resources' | 'defaultRole' | 'nvidiaGpuDevices' | 'runtimes'>,
  paths: GpuPaths,
): Promise<{ readonly machine: MachineGpus; readonly offered: readonly Gpu[] }> {
  // Tasks that only pretend to run need no devices.
  if (config.runtimes?.includes('fake') === true) return { machine: { paths, found: [] }, offered: [] };
  const found = await detectGpus(paths);
  const chosen = selectGpus(found, config.nvidiaGpuDevices);
  if (isFailure(chosen)) throw new FailureError(chosen);
  const given = givenResources(config.resources, config.defaultRole);
  if (isFailure(given)) throw new FailureError(given);
  const { names, resources } = given;
  const count = names.has('gpus') ? resources.scalarMilli('gpus') / 1000 : chosen.length;
  if (count > chosen.length) {
    const rule = `--resources: gpus:${count} is more than the ${chosen.length} that this machine has to offer (--nvidia-gpu-devices)`;
    throw new FailureError(failure('invalid', rule));
  }
  return { machine: { paths, found }, offered: chosen.slice(0, count) };
}
