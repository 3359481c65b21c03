import { failure, isFailure, type Failure } from '@meseta/model';
import { FailureError, type Logger, type Timers } from '@meseta/kit';
import { join } from 'node:path';
import { Filters, type FilterOptions } from '../../seccomp/filters';
import type { MachineGpus } from '../../gpu/gpu';
import { GpuKeeper } from '../../gpu/gpu-keeper';
import type { Networks } from '../../network/networks';
import { detectCgroups } from '../cgroups/detect';
import type { EndListener } from '../container-runtime';
import { detectIsolation, type IsolationOptions } from './isolation';
import { capabilitiesDefault } from './privileges';
import { PodNamespaces } from './pod-namespaces';
import { ProcessRuntime } from './process-runtime';
import { findProgram } from './programs';

/** Makes the process runtime of this machine, or says in one line what it lacks. */
export async function createProcessRuntime(options: {
  readonly directory: string;
  /** Tells the agents of one machine apart in the names of control groups. */
  readonly agentName: string;
  /** How tasks are to be isolated; unset leaves them in the machine's namespaces. */
  readonly isolate?: Omit<IsolationOptions, 'agentName' | 'log'>;
  readonly capabilities?: readonly string[];
  readonly imageDirectory?: string | undefined;
  /** Where profiles of seccomp are, and which one tasks have that name none. */
  readonly seccomp?: Omit<FilterOptions, 'programs'>;
  readonly gpus?: MachineGpus | undefined;
  /** Whether tasks may share namespaces of the machine. */
  readonly sharesMachine?: boolean;
  /** How long tasks go on without their agent. Milliseconds. */
  readonly recoveryTimeoutMs?: number;
  /** The networks that isolated tasks may join. */
  readonly networks?: Networks | undefined;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers?: Timers;
}): Promise<ProcessRuntime | Failure> {
  if (process.platform !== 'linux') return failure('denied', 'the process runtime needs Linux');
  const [setsid, mv, setpriv] = await Promise.all(
    ['setsid', 'mv', 'setpriv'].map((name) => findProgram(name)),
  );
  if (setsid === undefined || mv === undefined)
    return failure('denied', 'the process runtime needs the programs setsid and mv');
  const cgroups = await detectCgroups(options.agentName);
  if (isFailure(cgroups)) options.log.warn(cgroups.message);
  const { isolate, agentName, log } = options;
  const isolation =
    isolate === undefined || isFailure(cgroups)
      ? undefined
      : await detectIsolation({ ...isolate, agentName, log });
  if (isFailure(isolation)) log.warn(`tasks share the machine's namespaces: ${isolation.message}`);
  const isIsolated = isolation !== undefined && !isFailure(isolation);
  if (!isIsolated && (options.networks?.configs.size ?? 0) > 0)
    log.warn('tasks are not isolated, so none joins a network of --network-config-dir');
  const capabilities = options.capabilities ?? capabilitiesDefault;
  const filters =
    options.seccomp === undefined
      ? undefined
      : new Filters({ ...options.seccomp, programs: join(options.directory, '..', 'seccomp') });
  if (options.seccomp?.defaultName !== undefined) {
    // Nobody is to believe that calls are filtered which are not.
    if (!isIsolated)
      return failure('denied', '--seccomp-profile-name needs root and control groups, to isolate tasks');
    const program = await filters?.fileOf(undefined, capabilities).catch(asFailure);
    if (isFailure(program)) return program;
  }
  const { gpus: machine, directory } = options;
  const gpus =
    machine === undefined || machine.found.length === 0
      ? undefined
      : await GpuKeeper.create({
          ...{ gpus: machine.found, devices: machine.paths.devices, directory, agentName, log },
          base: isFailure(isolation) ? undefined : isolation?.dev,
        });
  return new ProcessRuntime({
    ...options,
    gpus,
    programs: { setsid, mv, setpriv },
    cgroups: isFailure(cgroups) ? undefined : cgroups,
    isolation: isFailure(isolation) ? undefined : isolation,
    networks: isIsolated ? options.networks : undefined,
    pods: isIsolated
      ? new PodNamespaces({ directory: join(directory, '..', 'pods'), programs: isolation.programs, log })
      : undefined,
    capabilities,
    filters,
  });
}

function asFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  throw error;
}
