// The demonstration: a cluster of four services and three agents on this machine, a real computation through resource offers, its result
// checked against one local pass. Exit status 0 only if the counts agree.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { anyPorts, startLocalCluster } from '@meseta/cli';
import { Resources } from '@meseta/model';
import { connect, type TaskSpec } from '@meseta/sdk';
import { split, textFiles, type TextFile } from './files';
import { runAll, type TaskRun } from './framework';
import { countWords, firstDifference, mostFrequent, type Counts } from './words';

const mapTasks = 48;
const agents = [
  { hostname: 'small', resources: 'cpus:1;mem:512;ports:[31000-31099]' },
  { hostname: 'medium', resources: 'cpus:2;mem:1024;ports:[31100-31199]' },
  { hostname: 'large', resources: 'cpus:3;mem:2048;ports:[31200-31299]' },
];

/** Runs it over the text files of a folder. Prints as it goes; returns whether the counts agree. */
export async function demo(folder: string): Promise<boolean> {
  const files = textFiles(resolve(folder));
  if (files.length === 0) throw new Error(`no text files below ${folder}`);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  console.log(
    `counting the words of ${files.length} files below ${relative('', folder) || '.'}, ${(sizeBytes / 1e6).toFixed(0)} MB`,
  );
  const home = mkdtempSync(join(tmpdir(), 'meseta-demo-'));
  const startedMs = performance.now();
  const cluster = await startLocalCluster({
    workDir: join(home, 'cluster'),
    agents,
    ports: anyPorts,
    runtimes: 'process',
    // Its tasks hand their results on in a folder of this machine, under /tmp; isolated, each would have a /tmp of its own.
    extraArgs: { agent: ['--isolate-processes', 'false'] },
  });
  try {
    console.log(
      `a cluster of registry, allocator, master and ${agents.length} agents runs after ${seconds(startedMs)}; its master is ${cluster.master}`,
    );
    const { runs, counts, reduceRun } = await compute(cluster.master, files, home);
    report(runs, counts, reduceRun);
    return agreesWithLocalPass(files, counts);
  } finally {
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function compute(master: string, files: readonly TextFile[], home: string) {
  const job = join(home, 'job');
  mkdirSync(job);
  const resources = Resources.parse('cpus:0.5;mem:128') as Resources;
  const task = (name: string, script: string, args: readonly string[]): TaskSpec => ({
    name,
    resources,
    command: [process.execPath, join(__dirname, script), ...args],
  });
  const maps = split(files, mapTasks).map((paths, index) => {
    const list = join(job, `map-${index}.list`);
    writeFileSync(list, paths.join('\n'));
    return task(`map-${index}`, 'map-task.js', [list, join(job, `map-${index}.json`)]);
  });
  const outputs = maps.map((_, index) => join(job, `map-${index}.json`));
  const result = join(job, 'result.json');
  const startedMs = performance.now();
  const scheduler = await connect({ master, framework: { name: 'word-count', role: 'demo' } });
  try {
    const runs = await runAll(scheduler, maps, showProgress);
    await scheduler.revive();
    const [reduceRun] = await runAll(
      scheduler,
      [task('reduce', 'reduce-task.js', [result, ...outputs])],
      () => undefined,
    );
    console.log(`computed in ${seconds(startedMs)}`);
    return {
      runs,
      reduceRun,
      counts: new Map(JSON.parse(readFileSync(result, 'utf8')) as [string, number][]),
    };
  } finally {
    await scheduler.teardown();
  }
}

function report(runs: readonly TaskRun[], counts: Counts, reduceRun: TaskRun | undefined): void {
  console.log('\nthe ten most frequent words');
  for (const [word, count] of mostFrequent(counts, 10))
    console.log(`  ${word.padEnd(12)} ${count.toLocaleString('en').padStart(12)}`);
  console.log(`\n${runs.length} map tasks and ${reduceRun === undefined ? 0 : 1} reduce task finished`);
  for (const { hostname } of agents) {
    const here = runs.filter((run) => run.hostname === hostname).length;
    const reduced = reduceRun?.hostname === hostname ? ' and the reduce task' : '';
    console.log(`  ${hostname.padEnd(8)} ${String(here).padStart(3)} map tasks${reduced}`);
  }
  const latencies = [...runs, ...(reduceRun === undefined ? [] : [reduceRun])]
    .map((run) => run.offerToRunningMs)
    .sort((a, b) => a - b);
  console.log(
    `\noffer → RUNNING: median ${quantile(latencies, 0.5)} ms, 99th percentile ${quantile(latencies, 0.99)} ms`,
  );
  console.log(
    '  (from the moment an offer reached the framework until the RUNNING update of a task launched on it did)',
  );
}

function agreesWithLocalPass(files: readonly TextFile[], counts: Counts): boolean {
  const startedMs = performance.now();
  const local: Counts = new Map();
  for (const { path } of files) countWords(readFileSync(path, 'utf8'), local);
  const difference = firstDifference(local, counts);
  if (difference === undefined) {
    console.log(
      `\nthe counts of ${local.size.toLocaleString('en')} different words agree with one local pass (${seconds(startedMs)})`,
    );
    return true;
  }
  console.error(
    `\nthe counts differ: '${difference}' is ${counts.get(difference) ?? 0} in the cluster and ${local.get(difference) ?? 0} locally`,
  );
  return false;
}

function showProgress(finished: number, total: number): void {
  if (process.stdout.isTTY)
    process.stdout.write(`\r${finished} of ${total} map tasks finished${finished === total ? '\n' : ''}`);
  else if (finished % 12 === 0) console.log(`${finished} of ${total} map tasks finished`);
}

function quantile(sorted: readonly number[], q: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(0);
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
