import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  readScenario,
  shrink,
  Simulation,
  Summary,
  type RunPlan,
  type RunReport,
} from '@meseta/testing/simulator';

// The whole cluster on a virtual clock (packages/testing/src/simulator). A seed that fails here is told again, shortened, by `make simulate SEED=n`.

const freshRuns = 100;
const scenarios = join(__dirname, 'scenarios');

test(
  'a hundred runs with fresh seeds keep every promise',
  () => {
    const first = randomInt(1_000_000_000);
    const summary = new Summary();
    const startedMs = Date.now();
    for (let seed = first; seed < first + freshRuns; seed++) summary.add(new Simulation({ seed }).run());
    const lines = summary.lines((Date.now() - startedMs) / 1000);
    process.stdout.write(`seeds ${first} to ${first + freshRuns - 1}\n${lines.join('\n')}\n`);
    expect(summary.broken.map(({ seed, broken }) => `make simulate SEED=${seed}: ${broken ?? ''}`)).toEqual(
      [],
    );
    expect(summary.launched).toBeGreaterThan(0);
    expect(summary.faults.size).toBeGreaterThan(10);
  },
  15 * 60_000,
);

test('the same seed tells the same story', () => {
  const story = (): readonly string[] => {
    const simulation = new Simulation({ seed: 2, linesMax: 100_000 });
    const { broken, events } = simulation.run();
    return [...simulation.chronicle.lines, String(broken), String(events)];
  };
  const first = story();
  expect(first.length).toBeGreaterThan(1000);
  expect(story()).toEqual(first);
});

describe('runs that broke a promise once keep it now', () => {
  const files = readdirSync(scenarios).filter((name) => name.endsWith('.json'));
  test.each(files)('%s', (file) => {
    expect(new Simulation(readScenario(join(scenarios, file))).run().broken).toBeUndefined();
  });
});

test('a run that breaks a promise is shortened to the faults that it takes', () => {
  const whole = new Simulation({ seed: 3 });
  const needed = [whole.faults[4], whole.faults[11]];
  const report = whole.run();
  const breaks = (plan: RunPlan): RunReport => ({
    ...report,
    broken: needed.every((fault) => plan.faults?.some((one) => one === fault))
      ? 'I4: told otherwise'
      : undefined,
  });
  const { plan } = shrink(whole, { ...report, broken: 'I4: told' }, breaks);
  expect(plan.faults).toEqual(needed);
});

describe('broken variants of the cores are caught within 200 seeds', () => {
  const run = promisify(execFile);
  const mutants = JSON.parse(readFileSync(join(__dirname, 'mutants.json'), 'utf8')) as { name: string }[];
  test.each(mutants.map(({ name }) => name))(
    '%s',
    async (name) => {
      const { stdout } = await run(process.execPath, [join(__dirname, 'hunt.cjs'), name, '200']);
      const { broken } = JSON.parse(stdout) as { broken?: string };
      expect(broken).toEqual(expect.any(String));
    },
    5 * 60_000,
  );
});
