import { isFailure, Resources, type Failure } from '@meseta/model';
import { detectResources, resourcesOf } from './detect';

function good(resources: Resources | Failure): Resources {
  if (isFailure(resources)) throw new Error(resources.message);
  return resources;
}

describe('resources of an agent', () => {
  test('R7: what was given is taken as it is, and the rest is detected', async () => {
    const resources = good(await detectResources('cpus:2;mem(web):100;bananas:3', '/tmp'));
    expect(
      resources.contains(Resources.parse('cpus:2;mem(web):100;bananas:3;ports:[31000-32000]') as Resources),
    ).toBe(true);
    expect([resources.scalarMilli('cpus'), resources.scalarMilli('mem')]).toEqual([2000, 100_000]);
    expect(resources.scalarMilli('disk')).toBeGreaterThan(0);
  });

  test('R7: without a word everything is detected, in whole units', async () => {
    const resources = good(await detectResources(undefined, '/tmp'));
    for (const name of ['cpus', 'mem', 'disk']) {
      expect(resources.scalarMilli(name)).toBeGreaterThan(0);
      expect(resources.scalarMilli(name) % 1000).toBe(0);
    }
  });

  test('R7: what was given as nothing is not detected', async () => {
    const none = good(await detectResources('cpus:1;mem:0;disk:0;gpus:0;ports:[]', '/tmp', 2));
    expect(none.toString()).toBe('cpus:1');
    const json = JSON.stringify([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 0 } },
      { name: 'disk', type: 'SCALAR', scalar: { value: 0 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [] } },
    ]);
    expect(good(await detectResources(json, '/tmp')).toString()).toBe('cpus:1');
  });

  test.each([
    ['most of a large machine', { memoryMb: 8192, diskMb: 100_000 }, 'mem:7168;disk:94880'],
    ['half of a small one', { memoryMb: 1000.5, diskMb: 8000 }, 'mem:500;disk:4000'],
    ['half where the reserve is half', { memoryMb: 2048, diskMb: 10_240 }, 'mem:1024;disk:5120'],
    ['what can be counted on where it is not known', {}, 'mem:1024;disk:10240'],
  ])('R7: what is offered is %s', (_, found, text) => {
    const machine = { cpus: undefined, memoryMb: undefined, diskMb: undefined, gpus: 0, ...found };
    expect(Resources.of(resourcesOf(machine, '*')).toString()).toBe(`cpus:1;${text};ports:[31000-32000]`);
  });

  test('R8: the default role has what names no other, given or detected', async () => {
    const resources = good(await detectResources('cpus:2;mem(ops):100;disk(*):5', '/tmp', 1, 'web'));
    expect(resources.toString()).toBe('cpus(web):2;mem(ops):100;disk:5;gpus(web):1;ports(web):[31000-32000]');
  });

  test('what cannot be read is refused', async () => {
    expect(await detectResources('cpus:much', '/tmp')).toMatchObject({ kind: 'invalid' });
  });
});
