// Services as processes of their own, for tests of several of them. Everything is started on free ports in a folder of the test, and
// ended by its own pid.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '@meseta/cli';
import { OperatorClient, type Scheduler } from '@meseta/sdk';

export const repository = join(__dirname, '../..');

/** What one test starts, and how all of it ends. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'meseta-test-'));
  readonly services: ServiceProcess[] = [];
  readonly #others: ChildProcess[] = [];
  #count = 0;

  /** Starts a service on free ports. The same name may be started again: its log goes on. */
  async start(
    service: 'master' | 'agent' | 'allocator' | 'registry',
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ServiceProcess> {
    this.#count += 1;
    const name = `${service}-${this.#count}`;
    const started = await ServiceProcess.start({
      name,
      main: join(repository, 'services', service, 'dist/main.js'),
      args: [
        ...(args.includes('--port') ? [] : ['--port', '0']),
        ...(args.includes('--http-port') ? [] : ['--http-port', '0']),
        ...args,
      ],
      logFile: join(this.folder, `${name}.log`),
      env,
    });
    this.services.push(started);
    return started;
  }

  /** The smallest cluster: every service once, nothing durable, one agent of one cpu. Returns the master. */
  async smallest(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const registry = await this.start('registry', ['--store', 'memory'], env);
    const allocator = await this.start('allocator', [], env);
    const masterArgs = ['--registry', registry.grpc, '--allocator', allocator.grpc];
    const master = await this.start('master', masterArgs, env);
    const workDir = join(this.folder, `agent-of-${master.name}`);
    const agentArgs = ['--master', master.grpc, '--work-dir', workDir, '--resources', 'cpus:1;mem:128'];
    await this.start('agent', [...agentArgs, '--runtimes', 'process'], env);
    return master;
  }

  /** Starts a real etcd of one member; returns its client address. */
  async etcd(): Promise<string> {
    const [client, peer] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${client}`;
    const child = spawn(
      'etcd',
      [
        ...[
          '--name',
          'e1',
          '--data-dir',
          join(this.folder, 'etcd'),
          '--listen-client-urls',
          url,
          '--advertise-client-urls',
          url,
        ],
        ...[
          '--listen-peer-urls',
          `http://127.0.0.1:${peer}`,
          '--initial-advertise-peer-urls',
          `http://127.0.0.1:${peer}`,
        ],
        ...[
          '--initial-cluster',
          `e1=http://127.0.0.1:${peer}`,
          '--heartbeat-interval',
          '50',
          '--election-timeout',
          '500',
        ],
      ],
      { stdio: 'ignore', env: { PATH: process.env['PATH'] } },
    );
    child.once('error', (error) => console.error(`etcd: ${error.message}`));
    this.#others.push(child);
    await eventually('etcd answers', async () => (await fetch(`${url}/health`)).ok);
    return `127.0.0.1:${client}`;
  }

  /** Ends everything that still runs, agents last started first. */
  async stop(): Promise<void> {
    await Promise.all(this.services.filter((one) => one.name.startsWith('agent')).map((one) => one.stop()));
    await Promise.all(this.services.map((one) => one.stop()));
    for (const child of this.#others) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for something to become true, by asking; what it was is in the error when it never does. */
export async function eventually(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const untilMs = Date.now() + limitMs;
  let last = '';
  for (;;) {
    try {
      if (await isTrue()) return;
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() > untilMs) throw new Error(`not within ${limitMs / 1000} s: ${what}${last}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The first offer that has room, and no others: they are declined. */
export async function offerWith(scheduler: Scheduler, resources: string) {
  for await (const offer of scheduler.offers()) {
    if (offer.fits(resources)) return offer;
    offer.decline({ for: '1s' });
  }
  throw new Error('the scheduler stopped before an offer had room');
}

export function operatorOf(master: string): OperatorClient {
  return new OperatorClient({ master, timeoutMs: 20_000 });
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Runs the command line as a user would. */
export function meseta(
  args: readonly string[],
  master?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return run(
    process.execPath,
    [join(repository, 'bin/meseta'), ...args],
    master === undefined ? {} : { MESETA_MASTER: master },
  );
}

const children = new Set<ChildProcess>();

// A test that fails must not leave a program behind that it started.
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      children.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
}
