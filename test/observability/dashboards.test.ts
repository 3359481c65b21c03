import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Scheduler } from '@meseta/sdk';
import { Rig, eventually, offerWith, repository } from '../integration/harness';
import { Prometheus, type Sample } from './prometheus';
import { Collector } from './collector';

interface Panel {
  readonly dashboard: string;
  readonly title: string;
  readonly description: string;
  readonly exprs: readonly string[];
}

const folder = join(repository, 'deploy/observability/dashboards/json');
const panels = readdirSync(folder).flatMap((file): Panel[] => {
  const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    readonly title: string;
    readonly panels: readonly {
      readonly type: string;
      readonly title: string;
      readonly description?: string;
      readonly targets?: readonly { readonly expr: string }[];
    }[];
  };
  return dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map(({ title, description = '', targets = [] }) => ({
      dashboard: dashboard.title,
      title,
      description,
      exprs: targets.map(({ expr }) => expr),
    }));
});
const rules = readFileSync(join(repository, 'deploy/observability/rules/meseta.yaml'), 'utf8');

/** The series that others rely on: what each is about, by the names of the contract. */
const contract = [
  'meseta_master_elected',
  'meseta_master_agents',
  'meseta_master_frameworks',
  'meseta_master_tasks',
  'meseta_master_offers_total',
  'meseta_master_offers_outstanding',
  'meseta_master_offer_decision_seconds',
  'meseta_master_task_launch_seconds',
  'meseta_master_status_updates_total',
  'meseta_allocator_turn_seconds',
  'meseta_allocator_dominant_share',
  'meseta_registry_commit_seconds',
  'meseta_agent_containers',
  'meseta_agent_status_updates_unacknowledged',
];

describe('what the dashboards say of themselves', () => {
  test('five dashboards, each panel with a query and a word of advice', () => {
    expect([...new Set(panels.map(({ dashboard }) => dashboard))].sort()).toEqual([
      'Meseta / Agents',
      'Meseta / Allocation and fairness',
      'Meseta / Cluster',
      'Meseta / Control plane',
      'Meseta / Frameworks',
    ]);
    for (const { title, description, exprs } of panels) {
      expect([title, exprs.length > 0, description.length > 3]).toEqual([title, true, true]);
    }
  });

  test.each(contract)('%s is on a panel or in an alert', (series) => {
    const named = new RegExp(`\\b${series}(_bucket|_sum|_count)?\\b`);
    expect(panels.some(({ exprs }) => exprs.some((expr) => named.test(expr))) || named.test(rules)).toBe(
      true,
    );
  });
});

const without = ['MESETA_TEST_WITHOUT_PROMETHEUS', 'MESETA_TEST_WITHOUT_ETCD'].some(
  (name) => process.env[name] !== undefined,
);

(without ? describe.skip : describe)('on a cluster at work, watched by a real Prometheus', () => {
  const rig = new Rig();
  const collector = new Collector();
  let prometheus: Prometheus | undefined;
  let schedulers: Scheduler[] = [];
  const stillEmpty = new Map<string, string>();

  beforeAll(async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start() };
    const registry = await rig.start('registry', ['--store', 'etcd', '--etcd', await rig.etcd()], env);
    const allocator = await rig.start('allocator', [], env);
    const masters = ['--registry', registry.grpc, '--allocator', allocator.grpc];
    const master = await rig.start('master', masters, env);
    const agents = [];
    for (const name of ['a', 'b'])
      agents.push(
        await rig.start(
          'agent',
          [
            ...['--master', master.grpc, '--work-dir', join(rig.folder, name), '--runtimes', 'process'],
            ...['--resources', 'cpus:4;mem:512;disk:100;ports:[31000-31009]'],
          ],
          env,
        ),
      );
    prometheus = await Prometheus.start(
      join(rig.folder, 'prometheus'),
      {
        registry: [registry.http],
        allocator: [allocator.http],
        master: [master.http],
        agent: agents.map((agent) => agent.http),
      },
      join(repository, 'deploy/observability/rules/meseta.yaml'),
    );
    // Rates need a change between two scrapes, so the work goes on, in rounds, until every panel has shown something.
    const scraped = prometheus;
    const queries = panels.flatMap(({ dashboard, title, exprs }) =>
      exprs.map((expr) => ({ where: `${dashboard}, ${title}`, expr })),
    );
    const waiting = new Set(queries);
    for (let round = 1; round <= 8 && waiting.size > 0; round++) {
      schedulers.push(await work(master.grpc, `round-${round}`));
      const doneSeconds = Date.now() / 1000;
      await eventually('the round was scraped everywhere', async () => {
        const [oldest] = await scraped.query('min(timestamp(up))');
        return oldest !== undefined && oldest.value > doneSeconds;
      });
      for (const query of waiting)
        if (showsData(await scraped.query(atHand(query.expr)))) waiting.delete(query);
    }
    for (const { where, expr } of waiting) stillEmpty.set(`${where}: ${expr}`, 'no data');
  }, 120_000);

  afterAll(async () => {
    await Promise.all(schedulers.map((scheduler) => scheduler.teardown()));
    schedulers = [];
    await prometheus?.stop();
    await rig.stop();
    collector.stop();
  }, 60_000);

  test('every query of every panel returns data', async () => {
    expect([...stillEmpty.keys()]).toEqual([]);
    expect(panels.flatMap(({ exprs }) => exprs).length).toBeGreaterThan(80);
    expect(showsData((await prometheus?.query('meseta_master_no_such_series')) ?? [])).toBe(false);
  });

  test('a latency names the trace of a launch', async () => {
    await eventually('an exemplar is there', async () => {
      const exemplars = await prometheus?.exemplars('meseta_master_task_launch_seconds_bucket');
      return exemplars?.some(({ labels }) => /^[0-9a-f]{32}$/.test(labels['trace_id'] ?? '')) === true;
    });
    const decisions = (await prometheus?.exemplars('meseta_master_offer_decision_seconds_bucket')) ?? [];
    expect(decisions.map(({ labels }) => Object.keys(labels).sort())).toContainEqual(['span_id', 'trace_id']);
  });

  test('no alert fires that says that something is broken', async () => {
    const firing = (await prometheus?.query('ALERTS{alertstate="firing"}')) ?? [];
    expect(firing.map(({ metric }) => metric['alertname'])).toEqual([]);
  });

  test('no series has an id in a label, but those of the containers that run now', async () => {
    const series =
      (await prometheus?.query('{__name__=~"meseta_.*",__name__!~"meseta_agent_container_.*"}')) ?? [];
    expect(series.length).toBeGreaterThan(200);
    const ids = /[0-9a-f]{8}-[0-9a-f]{4}-|round-\d/;
    const labels = series.flatMap(({ metric }) => Object.values(metric));
    expect(labels.filter((label) => ids.test(label))).toEqual([]);
  });
});

/** One framework's life: a task that ends well, one that fails, one that is killed, one that runs on; and offers declined. */
async function work(master: string, name: string): Promise<Scheduler> {
  const scheduler = await connect({ master, framework: { name, role: 'test' } });
  const small = 'cpus:0.1;mem:16';
  const launch = async (task: string, command: string) => {
    await scheduler.revive();
    const offer = await offerWith(scheduler, small);
    return offer.launch({ name: task, command, resources: small });
  };
  const fine = await launch('fine', 'true');
  const failing = await launch('failing', 'exit 3');
  const long = await launch('long', 'sleep 1000');
  await launch('stays', 'sleep 1000');
  await fine.finished();
  await failing.running().catch(() => undefined);
  await failing.finished().catch(() => undefined);
  await long.running();
  await long.kill();
  await long.finished().catch(() => undefined);
  await scheduler.revive();
  // What nobody answers would be missing in the next round.
  await new Promise<void>((declined) => {
    void (async () => {
      for await (const offer of scheduler.offers()) {
        offer.decline({ for: '1s' });
        declined();
      }
    })();
  });
  return scheduler;
}

/** What Grafana would ask at a scrape interval of half a second. */
function atHand(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m');
}

function showsData(samples: readonly Sample[]): boolean {
  return samples.some(({ value }) => Number.isFinite(value));
}
