import Docker from 'dockerode';
import { failure, type Failure } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import type { EndListener } from '../container-runtime';
import { DockerRuntime } from './docker-runtime';

/** How long the daemon may take to say that it is there. */
const answerMaxMs = 5_000;

export interface ConnectDockerOptions {
  /** A path, or what DOCKER_HOST holds: `unix:///path` or `tcp://host:port`. */
  readonly socketPath: string;
  /** Marks the containers of this agent, so that others of the same daemon are left alone. */
  readonly agentName: string;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers: Timers;
}

/** Makes the Docker runtime, or says in one line why there is none. */
export async function connectDocker(options: ConnectDockerOptions): Promise<DockerRuntime | Failure> {
  const docker = new Docker(addressOf(options.socketPath));
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
  return new DockerRuntime({ ...options, docker });
}

function addressOf(text: string): Docker.DockerOptions {
  if (text.startsWith('tcp://')) {
    const { hostname, port } = new URL(text);
    return { host: hostname, port: Number(port) };
  }
  return { socketPath: text.replace(/^unix:\/\//, '') };
}
