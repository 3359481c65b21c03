import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { AgentState } from '@meseta/protocol';
import { OperatorClient } from '@meseta/sdk';
import { mainOf, type ServiceName } from './mains';
import { portsIfFree, type PortPlan } from './ports';
import { ServiceProcess } from './service-process';
import { lockWorkDir } from './work-dir-lock';

/** One agent of a local cluster; what is unset the agent finds out itself. */
export interface LocalAgentOptions {
  /** As `cpus:2;mem:1024`. */
  readonly resources?: string;
  /** As `rack:a`. */
  readonly attributes?: string;
  readonly hostname?: string;
}

/** A cluster of one machine. */
export interface LocalClusterOptions {
  /** Where everything is kept: the registry's data, the agents' work directories, the logs. */
  readonly workDir: string;
  /** One agent that detects its machine, if unset. */
  readonly agents?: readonly LocalAgentOptions[];
  /** One if unset. */
  readonly masters?: number;
  /** The default ports if they are free, and any others, if unset. */
  readonly ports?: PortPlan;
  /** The agents' runtimes, as `process,docker`; the agent's default if unset. */
  readonly runtimes?: string;
  /** More flags for every instance of a service. */
  readonly extraArgs?: Partial<Readonly<Record<ServiceName, readonly string[]>>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long until every agent must be registered, in milliseconds; 30 s if unset. */
  readonly readyMaxMs?: number;
  /** Told of a service that ended by itself after the start. */
  readonly onLost?: (service: ServiceProcess, how: string) => void;
}

/** A cluster that runs. */
export interface LocalCluster {
  readonly workDir: string;
  /** The masters' gRPC addresses, as `--master` takes them. */
  readonly master: string;
  readonly registry: ServiceProcess;
  readonly allocator: ServiceProcess;
  readonly masters: readonly ServiceProcess[];
  readonly agents: readonly ServiceProcess[];
  /** Stops every service, the agents first; what is on disk stays. */
  stop(): Promise<void>;
}

/**
 * Starts a registry on its embedded store, an allocator, masters and agents as processes of this machine, and waits until
 * every agent is registered. They end with this process.
 *
 * Rejects with a `FailureError` of one line, having stopped what it started, when a service does not start.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const workDir = resolve(options.workDir);
  const logs = join(workDir, 'logs');
  makeFolder(logs);
  const unlock = lockWorkDir(workDir);
  const running: ServiceProcess[] = [];
  const ports = options.ports ?? portsIfFree();
  const start = async (
    service: ServiceName,
    name: string,
    args: readonly string[],
  ): Promise<ServiceProcess> => {
    const { grpc, http } = await ports.next(service);
    const started = await ServiceProcess.start({
      name,
      main: mainOf(service),
      args: ['--port', `${grpc}`, '--http-port', `${http}`, ...args, ...(options.extraArgs?.[service] ?? [])],
      logFile: join(logs, `${name}.log`),
      env: options.env,
    });
    running.push(started);
    return started;
  };
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    // Against the order of the start, so that nobody sees a neighbour vanish and complains of it.
    for (const group of stopOrder(running)) await Promise.all(group.map((service) => service.stop()));
    unlock();
  };
  try {
    const [registry, allocator] = await together([
      start('registry', 'registry', ['--store', 'embedded', '--data-dir', join(workDir, 'registry')]),
      start('allocator', 'allocator', []),
    ]);
    const masters = await together(
      masterNames(options.masters ?? 1).map((name) =>
        start('master', name, ['--registry', registry.grpc, '--allocator', allocator.grpc]),
      ),
    );
    const master = masters.map((one) => one.grpc).join(',');
    const agents = await together(
      (options.agents ?? [{}]).map((agent, index) => {
        const name = `agent-${index + 1}`;
        return start('agent', name, agentArgs(agent, master, join(workDir, name), options.runtimes));
      }),
    );
    await untilReady(master, agents.length, options.readyMaxMs ?? 30_000);
    watch(running, (service, how) => {
      if (!stopping) options.onLost?.(service, how);
    });
    return { workDir, master, registry, allocator, masters, agents, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function agentArgs(
  agent: LocalAgentOptions,
  master: string,
  workDir: string,
  runtimes: string | undefined,
): readonly string[] {
  const given: readonly (readonly [string, string | undefined])[] = [
    ['--master', master],
    ['--work-dir', workDir],
    ['--resources', agent.resources],
    ['--attributes', agent.attributes],
    ['--hostname', agent.hostname],
    ['--runtimes', runtimes],
  ];
  return given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
}

/** Waits until a leader answers and counts every agent as active. */
async function untilReady(master: string, agents: number, limitMs: number): Promise<void> {
  const operator = new OperatorClient({ master, timeoutMs: limitMs });
  const endMs = Date.now() + limitMs;
  try {
    for (;;) {
      const { statuses } = await operator.agents();
      const active = statuses.filter((status) => status.state === AgentState.ACTIVE).length;
      if (active >= agents) return;
      if (Date.now() > endMs) {
        const message = `only ${active} of ${agents} agents registered within ${limitMs / 1000} s`;
        throw new FailureError(failure('conflict', message));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    operator.close();
  }
}

/** All, or the first failure once none is under way: then everything that runs is known and can be stopped. */
async function together<Starts extends readonly Promise<ServiceProcess>[]>(
  starts: readonly [...Starts],
): Promise<{ -readonly [Index in keyof Starts]: ServiceProcess }> {
  await Promise.allSettled(starts);
  return Promise.all(starts);
}

function masterNames(masters: number): readonly string[] {
  return masters === 1 ? ['master'] : Array.from({ length: masters }, (_, index) => `master-${index + 1}`);
}

function stopOrder(running: readonly ServiceProcess[]): ServiceProcess[][] {
  const named = (prefix: string): ServiceProcess[] => running.filter((one) => one.name.startsWith(prefix));
  return [named('agent'), named('master'), named('allocator'), named('registry')];
}

function watch(
  running: readonly ServiceProcess[],
  ended: (service: ServiceProcess, how: string) => void,
): void {
  for (const service of running) void service.ended.then((how) => ended(service, how));
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FailureError(failure('invalid', `--work-dir: cannot make ${path}: ${why}`));
  }
}
