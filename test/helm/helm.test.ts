import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { repository, run } from '../integration/harness';

const chart = join(repository, 'deploy/helm/meseta');
const golden = join(__dirname, 'golden');
const helm = process.env['MESETA_TEST_HELM'];
const withHelm = helm === undefined ? test.skip : test;
const objects = process.env['MESETA_TEST_KUBERNETES_OBJECTS'];
const withObjects = objects === undefined ? test.skip : test;
const valueSets = readdirSync(join(chart, 'ci')).sort();

test('README.md, the rules and the dashboards of the chart are those that the repository has', async () => {
  const { code, stderr } = await run(process.execPath, [
    join(repository, 'deploy/helm/tools/readme.js'),
    '--check',
  ]);
  expect([code, stderr]).toEqual([0, '']);
});

test.each(['master', 'registry', 'allocator', 'agent'])(
  'every flag that the schema allows for the %s is one that it has',
  (service) => {
    const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;
    const configuration = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');
    const table = configuration.split(`\n## meseta-${service}\n`)[1]?.split('\n## ')[0] ?? '';
    const flags = [...table.matchAll(/^\| `--([a-z-]+)`/gm)].map(([, flag = '']) => flag);
    const options = Object.keys(
      schema.properties?.[service]?.properties?.['options']?.properties ?? { none: {} },
    );
    expect(flags).toEqual(expect.arrayContaining(options));
    // The rest is the chart's own business.
    expect(flags.filter((flag) => !options.includes(flag) && !setByTheChart.includes(flag))).toEqual([]);
  },
);

withHelm.each(valueSets)(
  'helm lint --strict has nothing against %s',
  async (values) => {
    const { code, stdout, stderr } = await helmed('lint', '--strict', chart, '--values', ci(values));
    expect([code, stdout + stderr]).toEqual([
      0,
      expect.stringContaining('1 chart(s) linted, 0 chart(s) failed'),
    ]);
  },
  30_000,
);

withHelm.each(valueSets)(
  'the objects made with %s are the golden ones (UPDATE_GOLDEN=1 rewrites them)',
  async (values) => {
    const { code, stdout, stderr } = await template('--values', ci(values));
    expect([code, stderr]).toEqual([0, '']);
    const path = join(golden, basename(values).replace('-values', ''));
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(path, stdout);
    expect(stdout).toBe(readFileSync(path, 'utf8'));
  },
  30_000,
);

withObjects(
  'Kubernetes knows every field of the golden objects',
  async () => {
    const files = readdirSync(golden).map((file) => join(golden, file));
    const { code, stdout } = await run(objects ?? '', files);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, -1)).toEqual([
      `${join(golden, 'external-etcd.yaml')}: ServiceMonitor.monitoring.coreos.com is not known here`,
    ]);
    expect([code, lines.at(-1)]).toEqual([0, expect.stringMatching(/^\d\d+ objects, 0 wrong$/)]);
  },
  30_000,
);

withHelm(
  'rules and dashboards come whole',
  async () => {
    const { stdout, stderr } = await template(
      ...['--set', 'monitoring.prometheusRule.enabled=true,monitoring.dashboards.enabled=true'],
      ...['--show-only', 'templates/monitoring.yaml'],
    );
    expect(stderr).toBe('');
    const rules = readFileSync(join(repository, 'deploy/observability/rules/meseta.yaml'), 'utf8');
    for (const [alert] of rules.matchAll(/alert: \w+/g)) expect(stdout).toContain(alert);
    expect(stdout).toContain('{{ $value');
    for (const file of readdirSync(join(repository, 'deploy/observability/dashboards/json')))
      expect(stdout).toContain(`  meseta-${file}: `);
  },
  30_000,
);

withHelm(
  'no pod gets a token, and only agents are root',
  async () => {
    const { stdout } = await template();
    const pods = stdout
      .split('\n---\n')
      .filter((object) => /^kind: (StatefulSet|Deployment|DaemonSet|Pod)$/m.test(object));
    expect(pods).toHaveLength(6);
    for (const pod of pods) {
      expect(pod).toContain('automountServiceAccountToken: false');
      expect(pod).not.toContain('privileged: true');
      expect(/runAsNonRoot: true/.test(pod)).toBe(!/kind: DaemonSet/.test(pod));
    }
  },
  30_000,
);

describe('values that cannot be are refused, and the field is named', () => {
  withHelm.each([
    ['mastr.replicas=3', 'mastr'],
    ['master.replicas=0', '/master/replicas'],
    ['master.replicas=three', '/master/replicas'],
    ['master.options.advertise=here:1', "additional properties 'advertise'"],
    ['master.options.offer-timeout=soon', '/master/options/offer-timeout'],
    ['etcd.replicas=2', '/etcd/replicas'],
    ['etcd.storage.size=plenty', '/etcd/storage/size'],
    ['cluster=a b', '/cluster'],
    ['logLevel=loud', '/logLevel'],
    ['image.pullPolicy=Sometimes', '/image/pullPolicy'],
    ['agent.workDirectory=here', '/agent/workDirectory'],
    ['agent.updateStrategy=Recreate', '/agent/updateStrategy'],
    ['tracing.endpoint=jaeger:4318', '/tracing/endpoint'],
    ['tracing.samplerArgument=2', '/tracing/samplerArgument'],
    ['etcd.external.endpoints={http://etcd:2379},etcd.bundled=false', '/etcd/external/endpoints/0'],
    ['etcd.external.endpoints={etcd:2379}', 'etcd.external.endpoints is set, so etcd.bundled must be false'],
    ['etcd.bundled=false', 'etcd.bundled is false, so etcd.external.endpoints must name an etcd'],
    [
      'monitoring.serviceMonitor.enabled=true',
      'monitoring.serviceMonitor.enabled needs networkPolicy.scrapers',
    ],
    [
      'agent.options.runtimes=docker',
      'agent.options.runtimes has docker, so agent.docker.enabled must be true',
    ],
    [
      'agent.docker.enabled=true,agent.options.runtimes=process',
      'agent.docker.enabled is true, so agent.options.runtimes must have docker',
    ],
  ])(
    '%s',
    async (value, message) => {
      const { code, stdout, stderr } = await template('--set', value);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(message);
    },
    30_000,
  );
});

/** Flags that have a value of their own in the chart, or that follow from where the pod is. */
const setByTheChart = [
  ...['host', 'port', 'http-port', 'insecure', 'log-level', 'advertise', 'cluster', 'hostname'],
  ...[
    'registry',
    'allocator',
    'master',
    'store',
    'etcd',
    'data-dir',
    'work-dir',
    'resources',
    'docker-socket',
    'docker-config',
    // It ends at once, and a pod would be started again for ever.
    'recover',
    // A file, of which a pod has none.
    'whitelist',
  ],
];

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

function ci(values: string): string {
  return join(chart, 'ci', values);
}

/** Without a cluster Helm must be told for which Kubernetes it makes the objects. */
function template(...args: readonly string[]) {
  return helmed('template', 'one', chart, '--namespace', 'apart', '--kube-version', '1.31.0', ...args);
}

/** Runs Helm with nothing of this machine's configuration. */
async function helmed(...args: readonly string[]) {
  const home = mkdtempSync(join(tmpdir(), 'meseta-helm-'));
  try {
    return await run(helm ?? 'helm', args, { HOME: home, KUBECONFIG: join(home, 'none') });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
