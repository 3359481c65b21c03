import { failure, isFailure, type ContainerId, type Failure } from '@meseta/model';
import { FailureError, type Logger, type Timers } from '@meseta/kit';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { AgentConfig } from '../config';
import type { Exit } from '../state/command';
import { createNetworks } from '../network/create';
import type { NetworkListener } from '../network/networks';
import { architectureOf } from '../images/manifest';
import type { ContainerRuntime, ImageObserver } from './container-runtime';
import { connectDocker } from './docker/connect';
import type { CollectionRules } from '../images/image-collector';
import type { MachineGpus } from '../gpu/gpu';
import { FakeRuntime, type FakeMachine } from './fake';
import { createProcessRuntime, type ImagesFrom } from './process/create';
import { registryHome } from '../images/registry';

/** What runtimes need of the agent around them. */
export interface RuntimesOptions {
  readonly config: Pick<
    AgentConfig,
    | 'runtimes'
    | 'workDir'
    | 'fakeRuntimeDelay'
    | 'dockerSocket'
    | 'isolateProcesses'
    | 'allowSharingAgentNamespaces'
    | 'recoveryTimeout'
    | 'readOnlyRoot'
    | 'capabilities'
    | 'imageDirectory'
    | 'imageProviders'
    | 'dockerRegistry'
    | 'dockerStoreDir'
    | 'fetcherStallTimeout'
    | 'seccompConfigDirectory'
    | 'seccompProfileName'
    | 'dockerAllowPrivileged'
    | 'dockerConfig'
    | 'imageGcHeadroom'
    | 'imageGcInterval'
    | 'imageGcExcluded'
    | 'networkConfigDir'
    | 'networkPluginDir'
    | 'defaultContainerDns'
  >;
  /** Told of what was asked of networks. */
  readonly onNetworkCommand: NetworkListener;
  readonly onEnd: (runtime: string, containerId: ContainerId, exit: Exit) => void;
  readonly log: Logger;
  readonly timers: Timers;
  readonly fakeMachine?: FakeMachine;
  readonly imageObserver?: ImageObserver;
  readonly gpus?: MachineGpus;
}

/**
 * Makes the runtimes that the operator named; if none was named, process, and Docker when its daemon answers.
 *
 * @throws FailureError of one line when one that was named cannot be had, or a network's configuration is wrong
 */
export async function createRuntimes(
  options: RuntimesOptions,
): Promise<ReadonlyMap<string, ContainerRuntime>> {
  const named = options.config.runtimes;
  const runtimes = new Map<string, ContainerRuntime>();
  for (const name of named ?? ['process', 'docker']) {
    const runtime = await create(name, options);
    if (isFailure(runtime)) {
      // What the operator said wrongly is not left out in silence.
      if (runtime.kind === 'invalid') throw new FailureError(runtime);
      if (named !== undefined)
        throw new FailureError(failure(runtime.kind, `${runtime.message} (--runtimes)`));
      options.log.info(`no runtime ${name}: ${runtime.message}`);
    } else {
      runtimes.set(name, runtime);
    }
  }
  if (runtimes.size === 0)
    throw new FailureError(failure('denied', 'this machine has nothing to run tasks with (--runtimes)'));
  return runtimes;
}

async function create(
  name: string,
  { config, onEnd, onNetworkCommand, log, timers, fakeMachine, imageObserver, gpus }: RuntimesOptions,
): Promise<ContainerRuntime | Failure> {
  const tell = (containerId: ContainerId, exit: Exit): void => onEnd(name, containerId, exit);
  switch (name) {
    case 'process':
      return createProcessRuntime({
        directory: join(config.workDir, 'meta', 'runs'),
        agentName: agentNameOf(config.workDir),
        ...(config.isolateProcesses && {
          isolate: {
            workDir: config.workDir,
            readOnlyRoot: config.readOnlyRoot,
            dockerSocket: config.dockerSocket.replace(/^unix:\/\//, ''),
          },
        }),
        sharesMachine: config.allowSharingAgentNamespaces,
        recoveryTimeoutMs: config.recoveryTimeout,
        capabilities: config.capabilities,
        images: imagesFrom(config, imageObserver),
        seccomp: { directory: config.seccompConfigDirectory, defaultName: config.seccompProfileName },
        gpus,
        networks: await createNetworks({
          config,
          agentName: agentNameOf(config.workDir),
          onCommand: onNetworkCommand,
          log,
          timers,
        }),
        onEnd: tell,
        log,
        timers,
      });
    case 'docker':
      return connectDocker({
        socketPath: config.dockerSocket,
        agentName: agentNameOf(config.workDir),
        allowPrivileged: config.dockerAllowPrivileged,
        dockerConfig: config.dockerConfig,
        guard: { directory: join(config.workDir, 'meta'), timeoutMs: config.recoveryTimeout },
        imageRecord: join(config.workDir, 'meta', 'docker-images.json'),
        collection: collectionOf(config),
        ...(imageObserver !== undefined && { observer: imageObserver }),
        onEnd: tell,
        log,
        timers,
      });
    default:
      return new FakeRuntime({
        onEnd: tell,
        delayMs: config.fakeRuntimeDelay,
        ...(fakeMachine !== undefined && { machine: fakeMachine }),
      });
  }
}

/** Where the process runtime has images from. */
function imagesFrom(config: RuntimesOptions['config'], observer: ImageObserver | undefined): ImagesFrom {
  const { imageDirectory: directory, imageProviders, dockerRegistry, dockerStoreDir, workDir } = config;
  if (!imageProviders.includes('docker')) return { directory };
  return {
    directory,
    store: {
      directory: dockerStoreDir ?? join(workDir, 'meta', 'images'),
      source: {
        home: registryHome(dockerRegistry),
        stallMs: config.fetcherStallTimeout,
        architecture: architectureOf(),
      },
      dockerConfig: config.dockerConfig,
      collection: collectionOf(config),
      observer,
    },
  };
}

/** When images are deleted; they are not unless the operator says how much of the disk is to stay free. */
function collectionOf({
  imageGcHeadroom,
  imageGcInterval,
  imageGcExcluded,
}: RuntimesOptions['config']): CollectionRules | undefined {
  if (imageGcHeadroom === undefined) return undefined;
  return { headroom: imageGcHeadroom, intervalMs: imageGcInterval, excluded: imageGcExcluded };
}

/** Tells the agents of one machine apart, and is the same after a restart: each has a work directory of its own. */
export function agentNameOf(workDir: string): string {
  return createHash('sha256').update(workDir).digest('hex').slice(0, 12);
}
