import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { isFailure, type ContainerId } from '@meseta/model';
import { createLogger, systemTimers } from '@meseta/kit';
import {
  ContainerInfo_DockerInfo_Network,
  ContainerInfo_Type,
  type ContainerInfo,
  type ContainerInfo_DockerInfo,
} from '@meseta/protocol';
import { Bench, type RuntimePlace } from '../runtime/behaviour';
import type { ContainerSpec, EndListener } from '../runtime/container-runtime';
import { connectDocker, type ConnectDockerOptions } from '../runtime/docker/connect';
import { ensureTestImage } from './docker-image';

export const socketPath = process.env['DOCKER_HOST'] ?? '/var/run/docker.sock';
export const testImage = process.env['MESETA_TEST_IMAGE'] ?? 'meseta/test-busybox:latest';

/** Without a daemon these tests fail, unless whoever runs them says that this is meant. */
export const dockerSuite = process.env['MESETA_TEST_WITHOUT_DOCKER'] === '1' ? describe.skip : describe;

/** How long a test with real containers may take. Milliseconds. */
export const dockerTestMs = 60_000;

/** The daemon, with the image that tests run. */
export async function openDocker(): Promise<Docker> {
  const docker = new Docker({ socketPath: socketPath.replace(/^unix:\/\//, '') });
  await docker.ping().catch((error: unknown) => {
    throw new Error(
      `no Docker daemon at ${socketPath} (${String(error)}); start one, or set MESETA_TEST_WITHOUT_DOCKER=1`,
    );
  });
  await ensureTestImage(docker, testImage);
  return docker;
}

/** Hands over the daemon, and a bench of its own for each test of a suite. */
export function eachTestWithBench(
  use: (made: { readonly docker: Docker; readonly bench: DockerBench }) => void,
): void {
  let docker: Docker;
  let bench: DockerBench;
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);
  beforeEach(async () => {
    bench = await DockerBench.open();
    use({ docker, bench });
  }, dockerTestMs);
  afterEach(() => bench.remove(), dockerTestMs);
}

/** A container of the test image, in no network unless it is said. */
export function containerInfo(
  docker: Partial<ContainerInfo_DockerInfo> = {},
  more: Partial<ContainerInfo> = {},
): ContainerInfo {
  return {
    type: ContainerInfo_Type.DOCKER,
    volumes: [],
    networkInfos: [],
    docker: {
      image: testImage,
      network: ContainerInfo_DockerInfo_Network.NONE,
      portMappings: [],
      parameters: [],
      ...docker,
    },
    ...more,
  };
}

export type DockerPlace = RuntimePlace & { readonly root: string };

/** A folder of sandboxes, and Docker runtimes of one agent on them. */
export async function preparePlace(more: Partial<ConnectDockerOptions> = {}): Promise<DockerPlace> {
  const root = await mkdtemp(join(tmpdir(), 'meseta-docker-'));
  return {
    root,
    create: async (onEnd: EndListener) => {
      const log = createLogger('agent', 'silent');
      const runtime = await connectDocker({
        ...{ socketPath, agentName: root, onEnd, log, timers: systemTimers },
        ...more,
      });
      if (isFailure(runtime))
        throw new Error(`${runtime.message}; start one, or set MESETA_TEST_WITHOUT_DOCKER=1`);
      return runtime;
    },
    sandbox: async (containerId) => {
      await mkdir(join(root, containerId), { recursive: true });
      return join(root, containerId);
    },
    more: { container: containerInfo() },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** A runtime on the real daemon, and what tests do with it. */
export class DockerBench {
  private constructor(
    readonly place: DockerPlace,
    readonly bench: Bench,
  ) {}

  static async open(more: Partial<ConnectDockerOptions> = {}): Promise<DockerBench> {
    const place = await preparePlace(more);
    return new DockerBench(place, await Bench.open(place));
  }

  /** What a container has printed so far. */
  output(id: ContainerId, file = 'stdout'): Promise<string> {
    return readFile(join(this.place.root, id, file), 'utf8');
  }

  /** Runs a command to its end. @returns what it printed, both outputs in one */
  async run(command: string, more: Partial<ContainerSpec> = {}): Promise<string> {
    const id = await this.bench.start(`{ ${command}; } 2>&1`, more);
    await this.bench.end(id);
    return this.output(id);
  }

  remove(): Promise<void> {
    return this.bench.remove();
  }
}
