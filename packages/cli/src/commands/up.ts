import { relative } from 'node:path';
import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { OperatorClient } from '@meseta/sdk';
import { print, type CliContext, type OutputFormat } from '../context';
import { anyPorts, portsFrom, portsIfFree, type PortPlan } from '../local-cluster/ports';
import type { ServiceProcess } from '../local-cluster/service-process';
import { machineShares } from '../local-cluster/shares';
import { startLocalCluster, type LocalAgentOptions, type LocalCluster } from '../local-cluster/start';
import { renderTable } from '../output/table';
import { countWord } from '../output/words';
import { frameworkRows, taskRows } from './view';

/** What `meseta up` can be told. */
export interface UpFlags {
  readonly output: OutputFormat;
  readonly agents: string;
  readonly masters: string;
  readonly agentResources?: readonly string[];
  readonly agentAttributes?: readonly string[];
  readonly runtime?: string;
  readonly workDir: string;
  readonly basePort?: string;
  readonly ephemeralPorts?: boolean;
  /** Tears every framework down before the services stop. */
  readonly killTasks?: boolean;
}

const agentsMax = 100;
const mastersMax = 9;
const defaultMaster = '127.0.0.1:5060';

/** `meseta up`: a cluster of this machine that stays until ctrl-C. Returns the exit status. */
export async function up(context: CliContext, flags: UpFlags): Promise<number> {
  const agents = agentsOf(flags);
  const masters = count('--masters', flags.masters, mastersMax);
  let mastersLeft = masters;
  let end: ((exit: number) => void) | undefined;
  const ended = new Promise<number>((resolve) => (end = resolve));
  const release = context.onInterrupt(() => end?.(0));
  try {
    context.err.write(`meseta: starting a cluster in ${flags.workDir}\n`);
    const cluster = await startLocalCluster({
      workDir: flags.workDir,
      agents,
      masters,
      ports: portsOf(flags),
      ...(flags.runtime === undefined ? {} : { runtimes: flags.runtime }),
      onLost: (service, how) => {
        context.err.write(`meseta: ${service.name} ended by itself: ${how} (log: ${service.logFile})\n`);
        // A standby takes over from a master that is lost; nobody does for the others.
        const isMaster = service.name.startsWith('master-');
        if (isMaster) mastersLeft -= 1;
        if (!isMaster || mastersLeft === 0) end?.(1);
      },
    });
    print(context, flags.output, addressesOf(cluster), () => greeting(cluster));
    const exit = await ended;
    await leave(context, cluster, flags.killTasks === true);
    return exit;
  } finally {
    release();
  }
}

function agentsOf(flags: UpFlags): LocalAgentOptions[] {
  const given = flags.agentResources ?? [];
  const attributes = flags.agentAttributes ?? [];
  const agents = Math.max(count('--agents', flags.agents, agentsMax), given.length);
  const shares = machineShares(agents);
  return Array.from({ length: agents }, (_, index) => {
    // The last one given holds for those after it.
    const resources = given[index] ?? given.at(-1) ?? shares[index];
    const own = attributes[index] ?? attributes.at(-1);
    return {
      ...(resources === undefined ? {} : { resources }),
      ...(own === undefined ? {} : { attributes: own }),
    };
  });
}

function count(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new FailureError(
    failure('invalid', `${flag} must be a whole number from 1 to ${max}, not "${text}"`),
  );
}

function portsOf(flags: UpFlags): PortPlan {
  if (flags.ephemeralPorts === true) return anyPorts;
  return flags.basePort === undefined
    ? portsIfFree()
    : portsFrom(count('--base-port', flags.basePort, 65_000));
}

function servicesOf(cluster: LocalCluster): readonly ServiceProcess[] {
  return [cluster.registry, cluster.allocator, ...cluster.masters, ...cluster.agents];
}

function addressesOf(cluster: LocalCluster): object {
  const services = servicesOf(cluster).map(({ name, grpc, http, pid, logFile }) => ({
    name,
    grpc,
    http,
    pid,
    logFile,
  }));
  return { master: cluster.master, workDir: cluster.workDir, services };
}

function greeting(cluster: LocalCluster): string {
  const services = servicesOf(cluster);
  const table = renderTable(
    ['SERVICE', 'GRPC', 'HTTP', 'PID'],
    services.map((service) => [service.name, service.grpc, `http://${service.http}`, String(service.pid)]),
    '',
  );
  const hint = cluster.master === defaultMaster ? '' : `export MESETA_MASTER=${cluster.master}\n`;
  const near = relative(process.cwd(), cluster.workDir);
  const logs = near === '' || near.startsWith('..') ? cluster.workDir : near;
  return `${table}\nThe cluster is up; ctrl-C stops it. Logs are in ${logs}/logs. Try:\n\n  ${hint}${hint && '  '}meseta run 'echo hello'\n\n`;
}

async function leave(context: CliContext, cluster: LocalCluster, killTasks: boolean): Promise<void> {
  const operator = new OperatorClient({ master: cluster.master, timeoutMs: 2000 });
  try {
    if (killTasks) {
      const live = frameworkRows(await operator.frameworks()).filter((row) => !row.completed);
      await Promise.all(live.map((row) => operator.teardown(row.id)));
    }
    const running = taskRows(await operator.tasks()).filter((row) => !row.completed).length;
    if (running > 0) {
      context.err.write(
        `meseta: ${countWord(running, 'task')} still running: the next \`meseta up\` finds them again (--kill-tasks ends them)\n`,
      );
    }
  } catch {
    // No leader to ask: the cluster is stopped all the same.
  } finally {
    operator.close();
  }
  context.err.write('meseta: stopping\n');
  await cluster.stop();
}
