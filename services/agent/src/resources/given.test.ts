import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '@meseta/model';
import { givenResources } from './given';

const text = 'cpus(web):8;mem:1024;ports:[1-2]';
const json = JSON.stringify([
  { name: 'cpus', type: 'SCALAR', scalar: { value: 8 }, role: 'web' },
  { name: 'mem', type: 'SCALAR', scalar: { value: 1024 } },
  { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 1, end: 2 }] } },
]);

function printed(given: string, defaultRole = '*'): string {
  const said = givenResources(given, defaultRole);
  return isFailure(said) ? `refused: ${said.message}` : said.resources.toString();
}

/** One disk as JSON. */
function disk(more: object): string {
  return JSON.stringify([{ name: 'disk', type: 'SCALAR', scalar: { value: 10 }, ...more }]);
}

describe('what the operator gives an agent', () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'given-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([text, json])('R8: text, JSON and a file of either say the same: %s', (content) => {
    const path = join(directory, 'resources');
    writeFileSync(path, `${content}\n`);
    expect([printed(content), printed(`file://${path}`)]).toEqual([text, text]);
  });

  test('R8: the default role has what names no role, in each form', () => {
    expect(printed(text, 'ops')).toBe('cpus(web):8;mem(ops):1024;ports(ops):[1-2]');
    expect(printed(json, 'ops')).toBe(printed(text, 'ops'));
    expect(printed('cpus(*):1', 'ops')).toBe('cpus:1');
    expect(printed(disk({ role: '*' }), 'ops')).toBe('disk:10');
    expect(printed('cpus:1', '-a')).toMatch(/^refused: role '-a' must not/);
  });

  test.each([
    ['file://resources', "'file://resources' must name an absolute path, as file:///etc/resources"],
    ['file:///is/not/there', '/is/not/there cannot be read: ENOENT'],
    ['things:3;things:{a}', 'resource things must be of one kind, not both scalar and set'],
    [
      disk({ role: 'web', disk: { persistence: { id: 'v' }, volume: { container_path: 'data' } } }),
      'resource disk must not be a persistent volume: volumes are made by CREATE',
    ],
    [disk({ revocable: {} }), 'resource disk must not be revocable: a resource estimator says what is lent'],
    [disk({ shared: {} }), 'resource disk must not be shared; only persistent volumes are'],
    [
      disk({ reservations: [{ type: 'DYNAMIC', role: 'web' }] }),
      'resource disk must not be reserved dynamically: reservations here are STATIC',
    ],
    [
      disk({ allocation_info: { role: 'web' } }),
      'resource disk must not have allocation_info: what an agent has is allocated to nobody',
    ],
  ])('R8: %s is refused', (given, message) => {
    expect(printed(given)).toBe(`refused: ${message}`);
  });
});
