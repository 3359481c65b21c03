// `make bench`: what an offer, a launch and an idle service cost on this machine. Absolute times are sizes, not claims: machines differ.

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyPorts, startLocalCluster, type LocalCluster, type LocalClusterOptions } from '@meseta/cli';
import { offerToRunning } from './latency';
import { launchRate } from './launches';
import { cpuSeconds, residentMegabytes } from './process';
import { sampling, startSink } from './tracing';
import { lifeSeconds, tasksRunning, updateShare } from './updates';

const durationMs = Number(process.env['BENCH_SECONDS'] ?? 10) * 1000;
/** How often each kind of tracing is measured; odd, for the median. */
const rounds = 5;

async function main(): Promise<void> {
  console.log(`${cpus().length} cores, Node ${process.versions.node}\n`);
  await withCluster({ agents: [{ resources: 'cpus:4;mem:4096' }], runtimes: 'process' }, async (cluster) => {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    console.log(
      'resident memory of each service, idle, 2 s after the start of a cluster of one agent (goals: < 120 MB, an agent < 100 MB)',
    );
    for (const service of servicesOf(cluster)) {
      console.log(`  ${service.name.padEnd(10)} ${residentMegabytes(service.pid)?.toFixed(0) ?? '?'} MB`);
    }
    const sorted = await offerToRunning(cluster);
    console.log(
      '\noffer → RUNNING, process runtime: /bin/true, one task after the other, from the arrival of the offer at the framework',
    );
    console.log(
      'to the arrival of the RUNNING update, through framework, master and agent processes over gRPC',
    );
    console.log(
      `  ${sorted.length} tasks: median ${at(sorted, 0.5)} ms, 99th percentile ${at(sorted, 0.99)} ms`,
    );
  });
  const agent = { resources: 'cpus:50;mem:16000' };
  await withCluster({ agents: [agent, agent], runtimes: 'fake' }, async (cluster) => {
    await launchRate(cluster, 2000);
    const { launches, seconds, offers } = await launchRate(cluster, durationMs);
    console.log(
      '\nlaunches a second through the whole stack: registry, allocator, master, two agents and the framework as processes, no-op',
    );
    console.log(
      'tasks on fake containers, STARTING, RUNNING and FINISHED of each checkpointed, delivered and acknowledged (goal ≥ 2,000/s)',
    );
    console.log(
      `  ${launches} launches on ${offers} offers in ${seconds.toFixed(1)} s: ${Math.round(launches / seconds)} launches/s`,
    );
  });
  await measureUpdates();
  await measureTracing(agent);
}

async function measureUpdates(): Promise<void> {
  const agent = { resources: 'cpus:50;mem:16000' };
  await withCluster({ agents: [agent], runtimes: 'fake' }, async (cluster) => {
    const { still, changing, updatesPerSecond } = await updateShare(cluster);
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    console.log(
      `\nwhat an agent uses of one core with ${tasksRunning} tasks on fake containers, over 20 s (goal < 5 %)`,
    );
    console.log(`  nothing changes: ${percent(still)}`);
    const perUpdate = changing / updatesPerSecond;
    console.log(
      `  each ends after ${lifeSeconds} s on average and is followed by another, ${updatesPerSecond.toFixed(0)} updates/s: ${percent(changing)}`,
    );
    console.log(
      `  so ${(perUpdate * 1e3).toFixed(1)} ms an update with its launch: 5 % of a core are ${(0.05 / perUpdate).toFixed(0)} updates/s, of so many tasks that live ${((3 * tasksRunning * perUpdate) / 0.05).toFixed(0)} s each`,
    );
  });
}

/**
 * Launch rates with traces off, at 1 % and at 100 %, in turns so that a drifting machine is fair to each. The CPU that the services use for
 * a launch is told as well: it is the same ratio without the noise of whatever else the machine does.
 */
async function measureTracing(agent: { readonly resources: string }): Promise<void> {
  const sink = await startSink();
  const envs = { off: {}, '1 %': sampling(sink.url, 0.01), '100 %': sampling(sink.url, 1) };
  const runs = new Map<string, { readonly rate: number; readonly cpuMicros: number }[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, env] of Object.entries(envs)) {
      await withCluster({ agents: [agent, agent], runtimes: 'fake', env }, async (cluster) => {
        await launchRate(cluster, 2000);
        const before = cpuOf(cluster);
        const { launches, seconds } = await launchRate(cluster, durationMs / 2);
        const cpuMicros = ((cpuOf(cluster) - before) * 1e6) / launches;
        runs.set(name, [...(runs.get(name) ?? []), { rate: launches / seconds, cpuMicros }]);
      });
    }
  }
  sink.close();
  const median = (name: string, what: 'rate' | 'cpuMicros'): number =>
    (runs.get(name) ?? []).map((run) => run[what]).sort((a, b) => a - b)[(rounds - 1) / 2] ?? Number.NaN;
  console.log(
    `\nlaunches a second with tracing, medians of ${rounds} runs each, in turns (goals: over 95 % at 1 %, over 75 % at 100 %)`,
  );
  for (const name of Object.keys(envs)) {
    const [rate, cpu] = [median(name, 'rate'), median(name, 'cpuMicros')];
    console.log(
      `  ${name.padEnd(6)} ${Math.round(rate)} launches/s, ${((100 * rate) / median('off', 'rate')).toFixed(0)} %;` +
        ` ${cpu.toFixed(0)} µs of CPU of all services for a launch, ${((100 * median('off', 'cpuMicros')) / cpu).toFixed(0)} %`,
    );
  }
}

function servicesOf(cluster: LocalCluster) {
  return [cluster.registry, cluster.allocator, ...cluster.masters, ...cluster.agents];
}

function cpuOf(cluster: LocalCluster): number {
  return servicesOf(cluster).reduce((sum, { pid }) => sum + (cpuSeconds(pid) ?? Number.NaN), 0);
}

async function withCluster(
  options: Omit<LocalClusterOptions, 'workDir' | 'ports'>,
  use: (cluster: LocalCluster) => Promise<void>,
): Promise<void> {
  const workDir = mkdtempSync(join(tmpdir(), 'meseta-bench-'));
  const cluster = await startLocalCluster({ ...options, workDir, ports: anyPorts });
  try {
    await use(cluster);
  } finally {
    await cluster.stop();
    rmSync(workDir, { recursive: true, force: true });
  }
}

function at(sorted: readonly number[], quantile: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN).toFixed(1);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
