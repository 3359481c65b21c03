import { isFailure, Resources } from '@meseta/model';
import { detectResources } from './detect';

describe('resources of an agent (R7)', () => {
  test('what was given is taken as it is, and the rest is detected', async () => {
    const resources = await detectResources('cpus:2;mem(web):100;bananas:3', '/tmp');
    if (isFailure(resources)) throw new Error(resources.message);
    expect(
      resources.contains(Resources.parse('cpus:2;mem(web):100;bananas:3;ports:[31000-32000]') as Resources),
    ).toBe(true);
    expect([resources.scalarMilli('cpus'), resources.scalarMilli('mem')]).toEqual([2000, 100_000]);
    expect(resources.scalarMilli('disk')).toBeGreaterThan(0);
  });

  test('without a word everything is detected, in whole units', async () => {
    const resources = await detectResources(undefined, '/tmp');
    if (isFailure(resources)) throw new Error(resources.message);
    for (const name of ['cpus', 'mem', 'disk']) {
      expect(resources.scalarMilli(name)).toBeGreaterThan(0);
      expect(resources.scalarMilli(name) % 1000).toBe(0);
    }
  });

  test('what cannot be read is refused', async () => {
    expect(await detectResources('cpus:much', '/tmp')).toMatchObject({ kind: 'invalid' });
  });
});
