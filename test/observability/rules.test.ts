import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository, run } from '../integration/harness';

const folder = join(repository, 'deploy/observability/rules');
const rules = readFileSync(join(folder, 'meseta.yaml'), 'utf8');
const unitTests = readFileSync(join(folder, 'meseta_test.yaml'), 'utf8');
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
const records = [...new Set([...rules.matchAll(/- record: (\S+)/g)].map(([, name = '']) => name))];

const onPrometheus = process.env['MESETA_TEST_WITHOUT_PROMETHEUS'] === undefined ? test : test.skip;

onPrometheus(
  'the rules are valid, and do what their unit tests say',
  async () => {
    for (const args of [
      ['check', 'rules', join(folder, 'meseta.yaml')],
      ['test', 'rules', join(folder, 'meseta_test.yaml')],
    ]) {
      const { code, stdout, stderr } = await run('promtool', args);
      expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
    }
  },
  30_000,
);

test.each(alerts)('%s has a test in which it fires', (alert) => {
  const named = unitTests.includes(`alertname: ${alert}\n`) || unitTests.includes(`alertname="${alert}"`);
  expect(named).toBe(true);
});

test.each(alerts)('%s says how bad it is, what is wrong and what to do', (alert) => {
  const text = rules.slice(rules.indexOf(`- alert: ${alert}\n`)).split(/\n +- alert: /)[0] ?? '';
  expect(text).toMatch(/severity: (critical|warning)/);
  expect(text).toMatch(/summary: \S/);
  expect((/description: >-\n([\s\S]*?)(\n\n|$)/.exec(text)?.[1] ?? '').length).toBeGreaterThan(80);
});

test.each(records)('%s is tested', (record) => {
  expect(unitTests.includes(record) || rules.split(record).length > 2).toBe(true);
});
