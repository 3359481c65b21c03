import { failure, isFailure, type Failure } from '@meseta/model';
import { FailureError, systemTimers, type Logger, type Timers } from '@meseta/kit';
import { join } from 'node:path';
import { Credentials } from '../../images/credentials';
import { ImageCollector, type CollectionRules } from '../../images/image-collector';
import { ImageStore, type ImageStoreOptions } from '../../images/image-store';
import { Filters, type FilterOptions } from '../../seccomp/filters';
import type { MachineGpus } from '../../gpu/gpu';
import { GpuKeeper } from '../../gpu/gpu-keeper';
import type { Networks } from '../../network/networks';
import { detectCgroups } from '../cgroups/detect';
import type { EndListener, ImageObserver } from '../container-runtime';
import { detectIsolation, type IsolationOptions } from './isolation';
import { capabilitiesDefault } from './privileges';
import { PodNamespaces } from './pod-namespaces';
import { ProcessRuntime, type ProcessRuntimeOptions } from './process-runtime';
import { findProgram } from './programs';
import { layersInUse } from './run-images';

/** Where the images of tasks are from. */
export interface ImagesFrom {
  /** Where they lie unpacked. */
  readonly directory?: string | undefined;
  /** Fetched ones; unset where none are fetched. */
  readonly store?:
    | (Pick<ImageStoreOptions, 'directory' | 'source'> & {
        readonly dockerConfig: string | undefined;
        /** When they are deleted; unset for never. */
        readonly collection: CollectionRules | undefined;
        readonly observer?: ImageObserver | undefined;
      })
    | undefined;
}

/** Makes the process runtime of this machine, or says in one line what it lacks. */
export async function createProcessRuntime(options: {
  readonly directory: string;
  /** Tells the agents of one machine apart in the names of control groups. */
  readonly agentName: string;
  /** How tasks are to be isolated; unset leaves them in the machine's namespaces. */
  readonly isolate?: Omit<IsolationOptions, 'agentName' | 'log'>;
  readonly capabilities?: readonly string[];
  /** Where images are from; unset where there are none. */
  readonly images?: ImagesFrom | undefined;
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
  const timers = options.timers ?? systemTimers;
  const supply = isIsolated ? await imageSupply(options.images, directory, timers, log) : undefined;
  if (isFailure(supply)) return supply;
  return new ProcessRuntime({
    ...options,
    images: supply?.images,
    collector: supply?.collector,
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

/** What brings images, and what deletes them again. */
async function imageSupply(
  from: ImagesFrom | undefined,
  runs: string,
  timers: Timers,
  log: Logger,
): Promise<Pick<ProcessRuntimeOptions, 'images' | 'collector'> | Failure> {
  if (from?.store === undefined) return { images: { directory: from?.directory } };
  const { dockerConfig, collection, observer, ...where } = from.store;
  const credentials = new Credentials(dockerConfig);
  const unreadable = await credentials.check();
  if (unreadable !== undefined) return unreadable;
  const store = await ImageStore.open({ ...where, inUse: () => layersInUse(runs), timers });
  const collector =
    collection === undefined
      ? undefined
      : new ImageCollector({
          ...{ shelf: store, rules: collection, log, timers },
          onDeleted: () => observer?.imageDeleted(),
        });
  collector?.start();
  const onPulled: ImageObserver['pulled'] = (outcome) => observer?.pulled(outcome);
  return { images: { directory: from.directory, store, credentials, onPulled }, collector };
}

function asFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  throw error;
}
