import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from '../integration/harness';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly datasource?: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly datasource?: { readonly uid?: string } }[];
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}
interface Compose {
  readonly services: Readonly<Record<string, { readonly volumes?: readonly string[] }>>;
}
interface DataSources {
  readonly datasources: readonly {
    readonly uid: string;
    readonly type: string;
    readonly url: string;
    readonly jsonData?: {
      readonly exemplarTraceIdDestinations?: readonly {
        readonly name: string;
        readonly datasourceUid: string;
      }[];
    };
  }[];
}

const compose = join(repository, 'deploy/compose');
const dashboards = join(repository, 'deploy/observability/dashboards/json');
const read = <T>(path: string): T =>
  parse(readFileSync(path, 'utf8'), { strict: true, uniqueKeys: true, merge: true }) as T;
const { services } = read<Compose>(join(compose, 'compose.yaml'));

/** What Grafana's container sees at a path, as a path of the repository. */
function mounted(path: string): string | undefined {
  const volume = services['grafana']?.volumes?.find((one) => one.split(':')[1] === path);
  return volume === undefined ? undefined : join(compose, volume.split(':')[0] ?? '');
}

// No Grafana can be had where there is no image registry; what it is given is checked as far as it can be without one.
describe('what Grafana is provisioned with', () => {
  const provisioning = mounted('/etc/grafana/provisioning') ?? '';

  test('data sources are services of the Compose file, and exemplars lead to one of them', () => {
    const { datasources } = read<DataSources>(
      join(provisioning, 'datasources', filesOf('datasources')[0] ?? ''),
    );
    const uids = datasources.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(uids.length);
    for (const { url } of datasources) expect(Object.keys(services)).toContain(new URL(url).hostname);
    const links = datasources.flatMap(({ jsonData }) => jsonData?.exemplarTraceIdDestinations ?? []);
    expect(links.map(({ name }) => name)).toEqual(['trace_id']);
    for (const { datasourceUid } of links) expect(uids).toContain(datasourceUid);
  });

  test('the folder of dashboards is the one with the dashboards', () => {
    const [file = ''] = filesOf('dashboards');
    const { providers } = read<{ providers: { options: { path: string } }[] }>(
      join(provisioning, 'dashboards', file),
    );
    expect(providers.map(({ options }) => mounted(options.path))).toEqual([dashboards]);
  });

  function filesOf(kind: string): readonly string[] {
    expect(existsSync(join(provisioning, kind))).toBe(true);
    return readdirSync(join(provisioning, kind));
  }

  const all = readdirSync(dashboards).map((file) => read<Dashboard>(join(dashboards, file)));

  test('no two dashboards are one to Grafana', () => {
    expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length);
    expect(new Set(all.map(({ title }) => title)).size).toBe(all.length);
    // Grafana cuts off a longer uid, and takes no other characters.
    for (const { uid } of all) expect(uid).toMatch(/^[a-zA-Z0-9_-]{1,40}$/);
  });

  test.each(all.map((dashboard) => [dashboard.title, dashboard] as const))(
    '%s: panels lie beside each other and ask the data source that is chosen',
    (_title, { panels, templating }) => {
      const variables = templating.list.map(({ name }) => `\${${name}}`);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      for (const panel of panels.filter(({ type }) => type !== 'row')) {
        for (const { datasource } of panel.targets ?? []) {
          const uid = datasource?.uid ?? (panel.datasource as { uid?: string } | undefined)?.uid;
          expect([panel.title, variables]).toEqual([panel.title, expect.arrayContaining([uid])]);
        }
        expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
        for (const other of panels)
          if (other.id < panel.id) expect([panel.title, overlap(panel, other)]).toEqual([panel.title, false]);
      }
    },
  );
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
