// Writes the dashboards as JSON, for Grafana to provision.
//
//   node dist/main.js            writes json/*.json
//   node dist/main.js --check    fails, naming each file that is out of date

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { agents } from './dashboards/agents';
import { allocation } from './dashboards/allocation';
import { cluster } from './dashboards/cluster';
import { controlPlane } from './dashboards/control-plane';
import { frameworks } from './dashboards/frameworks';
import { toGrafana } from './grafana';

const folder = join(__dirname, '../json');
const files = new Map(
  [cluster, allocation, frameworks, agents, controlPlane].map((spec) => [
    `${spec.name}.json`,
    `${JSON.stringify(toGrafana(spec), null, 2)}\n`,
  ]),
);

mkdirSync(folder, { recursive: true });
const present = readdirSync(folder);
const check = process.argv.includes('--check');
for (const [name, text] of files) {
  if (present.includes(name) && readFileSync(join(folder, name), 'utf8') === text) continue;
  tell(name, () => writeFileSync(join(folder, name), text));
}
for (const name of present) if (!files.has(name)) tell(name, () => rmSync(join(folder, name)));

function tell(name: string, write: () => void): void {
  const path = relative(process.cwd(), join(folder, name));
  if (check) {
    console.error(`${path} is out of date: run \`make dashboards\``);
    process.exitCode = 1;
  } else {
    write();
    console.log(`wrote ${path}`);
  }
}
