// `make bench`: what it costs to start a container with each runtime, beside a bare spawn and `docker run`. Absolute times are sizes, not claims:
// machines differ, so all are measured in the same run.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  connectDocker,
  createProcessRuntime,
  type ContainerRuntime,
  type ContainerSpec,
} from '@meseta/agent';
import { createLogger, systemTimers } from '@meseta/kit';
import { agentId, containerId, frameworkId, isFailure, Resources, type Failure } from '@meseta/model';

/** How many of each are started one after the other; odd, for the median. */
const rounds = 51;
/** How many are started together, and how many at once, as an agent does. */
const together = 200;
const atOnce = 16;
const log = createLogger('bench', 'silent');
const dockerSocket = (process.env['DOCKER_HOST'] ?? '/var/run/docker.sock').replace(/^unix:\/\//, '');
const image = process.env['MESETA_TEST_IMAGE'] ?? 'meseta/test-busybox:latest';

/** Ends that are waited for. */
const waiting = new Map<string, () => void>();
const onEnd = (id: string): void => {
  waiting.get(id)?.();
  waiting.delete(id);
};

async function main(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'meseta-bench-'));
  // What a runtime watches does not keep a process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    console.log(`${cpus().length} cores, Node ${process.versions.node}`);
    console.log(
      '\nfrom the order until the process exists, and until its end is known: a shell that ends at once',
    );
    const bare = await measure(rounds, spawnOnce);
    print('a bare spawn of Node', bare);
    const isolated = await measureProcess(root, bare.started);
    await measureDocker(root);
    if (isolated !== undefined) await startTogether(root, isolated);
  } finally {
    clearInterval(alive);
    await rm(root, { recursive: true, force: true });
  }
}

async function measureProcess(root: string, bareMs: number): Promise<ContainerRuntime | undefined> {
  const kinds = [
    ['process, the machine’s namespaces', undefined],
    ['process, isolated', { workDir: root, readOnlyRoot: false, dockerSocket }],
  ] as const;
  let last: ContainerRuntime | undefined;
  for (const [name, isolate] of kinds) {
    const runtime = await createProcessRuntime({
      directory: join(root, 'runs'),
      agentName: `bench-${name.length}`,
      onEnd,
      log,
      ...(isolate !== undefined && { isolate }),
    });
    if (isFailure(runtime)) {
      console.log(`  ${name}: ${runtime.message}`);
      continue;
    }
    await runtime.recover([]);
    const times = await measure(rounds, () => startOnce(runtime, root, {}));
    print(name, times);
    console.log(`    over a bare spawn: ${(times.started - bareMs).toFixed(1)} ms (goal < 15 ms)`);
    await last?.close();
    last = runtime;
  }
  return last;
}

async function measureDocker(root: string): Promise<void> {
  const runtime: ContainerRuntime | Failure = await connectDocker({
    socketPath: dockerSocket,
    agentName: 'bench',
    onEnd,
    log,
    timers: systemTimers,
  });
  if (isFailure(runtime)) {
    console.log(`  docker: ${runtime.message}`);
    return;
  }
  await runtime.recover([]);
  const few = 11;
  const docker = {
    type: 'DOCKER',
    volumes: [],
    networkInfos: [],
    docker: { image, network: 'NONE', portMappings: [], parameters: [] },
  };
  try {
    print('docker', await measure(few, () => startOnce(runtime, root, { container: docker as never })));
    print('docker run --network none', await measure(few, dockerRunOnce));
  } catch (error) {
    console.log(`  docker: ${error instanceof Error ? error.message : String(error)}`);
  }
  await runtime.close();
}

/** Tasks that run on, started as an agent starts what one message orders. */
async function startTogether(root: string, runtime: ContainerRuntime): Promise<void> {
  const ids = Array.from({ length: together }, () => randomUUID());
  const left = [...ids];
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop())
      await startAs(runtime, root, id, 'exec sleep 600', {});
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `\n${together} tasks that run on, ${atOnce} at once, until all run: ${seconds.toFixed(1)} s (goal < 10 s)`,
  );
  const ends = ids.map((id) => new Promise<void>((resolve) => waiting.set(id, resolve)));
  for (const id of ids) await runtime.destroy(containerId(id));
  await Promise.all(ends);
  for (const id of ids) await runtime.release(containerId(id));
  await runtime.close();
}

interface Times {
  /** Milliseconds. */
  readonly started: number;
  readonly ended: number;
}

/** The medians of so many. */
async function measure(count: number, once: () => Promise<Times>): Promise<Times> {
  const all: Times[] = [];
  // The first fills caches and is not counted.
  await once();
  for (let i = 0; i < count; i++) all.push(await once());
  const median = (of: (times: Times) => number): number =>
    all.map(of).sort((a, b) => a - b)[count >> 1] ?? Number.NaN;
  return { started: median(({ started }) => started), ended: median(({ ended }) => ended) };
}

function spawnOnce(): Promise<Times> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    let started = Number.NaN;
    const child = spawn('/bin/sh', ['-c', 'exit 0'], { stdio: 'ignore' });
    child.once('spawn', () => (started = performance.now() - beganAt));
    child.once('error', reject);
    child.once('exit', () => resolve({ started, ended: performance.now() - beganAt }));
  });
}

/** The command line tool starts and waits, so its container's start is not seen by itself. */
async function dockerRunOnce(): Promise<Times> {
  const beganAt = performance.now();
  await promisify(execFile)('docker', ['run', '--rm', '--network', 'none', image, '/bin/sh', '-c', 'exit 0']);
  const ended = performance.now() - beganAt;
  return { started: ended, ended };
}

async function startOnce(
  runtime: ContainerRuntime,
  root: string,
  more: Partial<ContainerSpec>,
): Promise<Times> {
  const id = randomUUID();
  const end = new Promise<void>((resolve) => waiting.set(id, resolve));
  const beganAt = performance.now();
  await startAs(runtime, root, id, 'exit 0', more);
  const started = performance.now() - beganAt;
  await end;
  const ended = performance.now() - beganAt;
  await runtime.release(containerId(id));
  return { started, ended };
}

async function startAs(
  runtime: ContainerRuntime,
  root: string,
  id: string,
  command: string,
  more: Partial<ContainerSpec>,
): Promise<void> {
  const sandbox = join(root, 'sandboxes', id);
  await mkdir(sandbox, { recursive: true });
  const resources = Resources.parse('cpus:0.01;mem:32');
  if (isFailure(resources)) throw new Error(resources.message);
  await runtime.start({
    containerId: containerId(id),
    agentId: agentId('bench'),
    frameworkId: frameworkId('bench'),
    name: 'bench',
    command: { value: command, uris: [], arguments: [] },
    container: undefined,
    user: undefined,
    environment: new Map([['PATH', '/usr/bin:/bin']]),
    sandbox,
    resources,
    mounts: [],
    limits: { cpuMilli: 100, memoryBytes: 32 << 20, processes: 4096 },
    ...more,
  });
}

function print(name: string, { started, ended }: Times): void {
  const ms = (value: number): string => `${value.toFixed(1).padStart(7)} ms`;
  console.log(`  ${name.padEnd(36)} median ${ms(started)} to its start, ${ms(ended)} to its end`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
