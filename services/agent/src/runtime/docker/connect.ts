import Docker from 'dockerode';
import { failure, type Failure } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import type { EndListener, ImageObserver } from '../container-runtime';
import { Credentials } from '../../images/credentials';
import { ImageCollector, type CollectionRules } from '../../images/image-collector';
import { ImageRecord } from '../../images/image-record';
import { DockerGuard, type DockerGuardOptions } from './docker-guard';
import { DockerRuntime } from './docker-runtime';
import { DockerShelf } from './docker-shelf';
import { ImageSupply } from './image-supply';
import { Images } from './images';

/** How long the daemon may take to say that it is there. */
const answerMaxMs = 5_000;

export interface ConnectDockerOptions {
  /** A path, or what DOCKER_HOST holds: `unix:///path` or `tcp://host:port`. */
  readonly socketPath: string;
  /** Marks the containers of this agent, so that others of the same daemon are left alone. */
  readonly agentName: string;
  /** Whether containers may have powers over the machine. */
  readonly allowPrivileged?: boolean;
  /** The path of a configuration of Docker with credentials, or one itself as JSON. */
  readonly dockerConfig?: string | undefined;
  /** How containers end whose agent does not come back; unset lets them go on. */
  readonly guard?: DockerGuardOptions;
  /** Where it is written which images this agent pulled; unset forgets it with the agent. */
  readonly imageRecord?: string;
  /** When pulled images are deleted; unset for never. */
  readonly collection?: CollectionRules | undefined;
  readonly observer?: ImageObserver;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers: Timers;
}

/** Makes the Docker runtime, or says in one line why there is none. */
export async function connectDocker(options: ConnectDockerOptions): Promise<DockerRuntime | Failure> {
  const docker = new Docker(addressOf(options.socketPath));
  const credentials = new Credentials(options.dockerConfig);
  const unreadable = await credentials.check();
  if (unreadable !== undefined) return unreadable;
  try {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`no answer within ${answerMaxMs} ms`)), answerMaxMs).unref();
    });
    await Promise.race([docker.ping(), late]);
  } catch (error) {
    return failure(
      'denied',
      `no Docker daemon at ${options.socketPath}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const { agentName, allowPrivileged = false, collection, observer, onEnd, log, timers } = options;
  const record = new ImageRecord(options.imageRecord);
  const collector =
    collection === undefined
      ? undefined
      : new ImageCollector({
          ...{ shelf: new DockerShelf(docker, record), rules: collection, log, timers },
          onDeleted: () => observer?.imageDeleted(),
        });
  collector?.start();
  const images = new ImageSupply({
    ...{ images: new Images(docker, timers), credentials, record },
    onPulled: (outcome) => observer?.pulled(outcome),
  });
  const guard = options.guard === undefined ? undefined : new DockerGuard(options.guard);
  return new DockerRuntime({
    ...{ docker, agentName, allowPrivileged, images, collector, guard, onEnd, log, timers },
  });
}

function addressOf(text: string): Docker.DockerOptions {
  if (text.startsWith('tcp://')) {
    const { hostname, port } = new URL(text);
    return { host: hostname, port: Number(port) };
  }
  return { socketPath: text.replace(/^unix:\/\//, '') };
}
