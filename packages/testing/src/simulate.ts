// `make simulate [SEED=n] [RUNS=n]`: runs of the simulated cluster, one after the other on every core; the first that breaks a promise is told as shortly
// as can be found, and kept as a scenario.

import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { writeScenario } from './simulator/scenario-file';
import { shrink } from './simulator/shrink';
import { Simulation, type RunReport } from './simulator/simulation';
import { Summary } from './simulator/summary';

interface Share {
  readonly first: number;
  readonly step: number;
  readonly end: number;
}

const linesToldMax = 60;

/** Where a run that broke a promise is written down. */
const scenarioDirectory = join(process.cwd(), 'test', 'simulation', 'scenarios');

async function main(): Promise<void> {
  const seed = wanted('SEED');
  const runs = count('RUNS', wanted('RUNS') ?? (seed === undefined ? '100' : '1'));
  const first = count('SEED', seed ?? String(randomInt(1_000_000_000)));
  const summary = new Summary();
  const workers = Math.min(availableParallelism(), runs);
  console.log(`seeds ${first} to ${first + runs - 1}, ${workers} at a time`);
  const startedMs = Date.now();
  let cpuSeconds = 0;
  await Promise.all(
    Array.from({ length: workers }, (_, i) =>
      share({ first: first + i, step: workers, end: first + runs }, (message) => {
        if (typeof message === 'number') cpuSeconds += message;
        else summary.add(message);
      }),
    ),
  );
  for (const line of summary.lines(cpuSeconds)) console.log(line);
  console.log(`took ${Math.round((Date.now() - startedMs) / 1000)} s`);
  const [worst] = summary.broken.sort((a, b) => a.events - b.events);
  if (worst === undefined) return;
  process.exitCode = 1;
  console.log(
    `\n${summary.broken.length} runs broke a promise: ${summary.broken.map(({ seed }) => seed).join(' ')}`,
  );
  tell(worst);
}

/** Tells the story of a run as shortly as can be found. */
function tell({ seed, broken }: RunReport): void {
  console.log(`\nseed ${seed}: ${broken ?? ''}`);
  const failed = new Simulation({ seed });
  const { plan, report, tries } = shrink(failed, failed.run());
  const told = new Simulation({ ...plan, linesMax: linesToldMax });
  told.run();
  console.log(`shortened in ${tries} runs to ${plan.faults?.length ?? 0} faults; it ends so:`);
  for (const line of told.chronicle.lines) console.log(line.slice(0, 240));
  console.log(report.broken ?? '');
  const path = join(scenarioDirectory, `seed-${seed}.json`);
  writeScenario(path, report.broken ?? '', plan);
  console.log(`kept as ${path}: give it a name and a story when it is mended`);
}

/** One core's part of the runs. */
function share(part: Share, told: (message: RunReport | number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: part });
    worker.on('message', told);
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
}

async function work({ first, step, end }: Share): Promise<void> {
  const startedMs = Date.now();
  for (let seed = first; seed < end; seed += step) {
    parentPort?.postMessage(new Simulation({ seed }).run());
    // What a run has left for later is held until the loop turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
  parentPort?.postMessage((Date.now() - startedMs) / 1000);
}

/** A variable of the environment; make hands on what it was not given as nothing. */
function wanted(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} must be a whole number, not ${text}`);
}

if (isMainThread)
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  });
else void work(workerData as Share);
