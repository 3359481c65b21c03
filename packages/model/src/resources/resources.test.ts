import { isFailure } from '../failure';
import type { Reservation, Resource } from './resource';
import { Resources } from './resources';

/** Reads resources that the test knows to be good. */
function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}

const disk = (milli: number, more: Partial<Resource>): Resource => ({
  name: 'disk',
  value: { kind: 'scalar', milli },
  reservations: [{ type: 'STATIC', role: 'web' }],
  ...more,
});

describe('amounts', () => {
  test('R1: a tenth and two tenths are three tenths', () => {
    expect(resources('cpus:0.1').add(resources('cpus:0.2')).toString()).toBe('cpus:0.3');
  });

  test('R3: a port taken from the middle', () => {
    expect(
      resources('cpus:2;ports:[31000-31010]').subtract(resources('ports:[31005-31005]')).toString(),
    ).toBe('cpus:2;ports:[31000-31004,31006-31010]');
  });

  test('R4: an item of a set', () => {
    expect(resources('disks:{a,b}').subtract(resources('disks:{a}')).toString()).toBe('disks:{b}');
  });

  test('nothing is left of what was taken whole', () => {
    expect(resources('cpus:2;mem:1').subtract(resources('cpus:2;mem:1')).isEmpty).toBe(true);
    expect(resources('cpus:1').subtract(resources('cpus:2')).isEmpty).toBe(true);
  });

  test('quantities', () => {
    const all = resources('cpus:2;cpus(web):1;mem:10;ports:[1-4];disks:{a,b}');
    expect(Object.fromEntries(all.quantities())).toEqual({
      cpus: 3000,
      mem: 10_000,
      ports: 4000,
      disks: 2000,
    });
    expect(all.scalarMilli('cpus')).toBe(3000);
    expect(all.ranges('ports')).toEqual([{ begin: 1, end: 4 }]);
  });
});

describe('what may be summed', () => {
  test('R11: reserved and not reserved stay apart', () => {
    expect(resources('cpus:1;cpus(web):2;cpus:3').toString()).toBe('cpus:4;cpus(web):2');
  });

  test('R11, R26: other labels, other entry; their order does not matter', () => {
    const reserved = (...keys: string[]): Resource => ({
      name: 'cpus',
      value: { kind: 'scalar', milli: 1000 },
      reservations: [{ type: 'DYNAMIC', role: 'web', labels: keys.map((key) => ({ key })) }],
    });
    expect(Resources.of([reserved('a', 'b'), reserved('b', 'a'), reserved('a')]).entries).toHaveLength(2);
  });

  test('R12: a mounted disk is one whole; a path disk may be divided', () => {
    const mount = Resources.of([disk(10_000, { disk: { source: { type: 'MOUNT', root: '/mnt/1' } } })]);
    const part = Resources.of([disk(5000, { disk: { source: { type: 'MOUNT', root: '/mnt/1' } } })]);
    expect(mount.contains(part)).toBe(false);
    expect(mount.subtract(part).equals(mount)).toBe(true);
    expect(mount.contains(mount)).toBe(true);
    expect(mount.add(mount).entries).toHaveLength(2);
    const path = Resources.of([disk(10_000, { disk: { source: { type: 'PATH', root: '/d' } } })]);
    expect(
      path.contains(Resources.of([disk(5000, { disk: { source: { type: 'PATH', root: '/d' } } })])),
    ).toBe(true);
  });

  test('R12, R47: copies of a shared volume are counted, but are one volume', () => {
    const volume = Resources.of([
      disk(1000, {
        shared: true,
        disk: { persistence: { id: 'v' }, volume: { containerPath: 'data', mode: 'RW' } },
      }),
    ]);
    const two = volume.add(volume);
    expect(two.contains(two)).toBe(true);
    expect(volume.contains(two)).toBe(false);
    expect(two.subtract(volume).equals(volume)).toBe(true);
    expect(two.scalarMilli('disk')).toBe(1000);
  });

  test('R13: revocable only matches revocable', () => {
    const both = resources('cpus:1').add(
      Resources.of([
        { name: 'cpus', value: { kind: 'scalar', milli: 1000 }, reservations: [], revocable: true },
      ]),
    );
    expect(both.contains(resources('cpus:2'))).toBe(false);
    expect(both.revocable().scalarMilli('cpus')).toBe(1000);
    expect(both.nonRevocable().toString()).toBe('cpus:1');
  });

  describe('R43, R56: a volume is known by its id, not by who made it nor by where and how it is mounted', () => {
    const volume = (id: string, containerPath: string, more: object = {}, principal?: string): Resource =>
      disk(1000, {
        disk: {
          persistence: { id, ...(principal !== undefined && { principal }) },
          volume: { containerPath, mode: 'RW', ...more },
        },
      });
    const made = Resources.of([volume('v', 'data', {}, 'ops'), volume('w', 'data')]);

    test.each([
      ['read-only', volume('v', 'data', { mode: 'RO' }, 'ops')],
      ['elsewhere', volume('v', 'logs', {}, 'ops')],
      ['with a path of the machine', volume('v', 'data', { hostPath: '/h' }, 'ops')],
      ['by another principal', volume('v', 'data', {}, 'web')],
      ['without a mount', disk(1000, { disk: { persistence: { id: 'v' } } })],
    ])('%s', (_, asked) => {
      const one = Resources.of([asked]);
      expect(made.contains(one)).toBe(true);
      expect(made.subtract(one).entries).toEqual([volume('w', 'data')]);
      expect(one.describedBy(made).entries).toEqual([volume('v', 'data', {}, 'ops')]);
      expect(Resources.of([volume('v', 'data')]).equals(one)).toBe(true);
    });

    test('another id or another role is another volume', () => {
      const other = Resources.of([volume('x', 'data')]);
      expect(made.contains(other)).toBe(false);
      expect(other.describedBy(made).entries).toEqual(other.entries);
      const below = { ...volume('v', 'data'), reservations: [{ type: 'STATIC', role: 'web/a' }] } as const;
      expect(made.contains(Resources.of([below]))).toBe(false);
    });

    test('copies of a shared one are copies wherever each is mounted', () => {
      const shared = (path: string) => Resources.of([{ ...volume('v', path), shared: true }]);
      const two = shared('a').add(shared('b'));
      expect(two.scalarMilli('disk')).toBe(1000);
      expect(two.subtract(shared('c')).entries).toHaveLength(1);
    });
  });
});

describe('roles', () => {
  test('R14: allocated and not allocated are different, and back', () => {
    const total = resources('cpus:2;mem(web):10');
    const given = total.allocate('web');
    expect(given.contains(total)).toBe(false);
    expect(given.unallocate().equals(total)).toBe(true);
  });

  test('R28: a role is offered what is not reserved, and what is reserved to it or above it', () => {
    const all = resources('cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8');
    expect(all.offerableTo('eng/web').scalarMilli('cpus')).toBe(7000);
    expect(all.offerableTo('eng').scalarMilli('cpus')).toBe(3000);
    expect(all.reservedTo('eng').toString()).toBe('cpus(eng):2');
    expect(all.unreserved().toString()).toBe('cpus:1');
  });

  test('R9: the default role reserves what names no role, and leaves what names nobody', () => {
    expect((Resources.parse('cpus:1;mem(ops):2;disk(*):3', 'web') as Resources).toString()).toBe(
      'cpus(web):1;mem(ops):2;disk:3',
    );
  });
});

describe('text', () => {
  test.each([
    ['cpus:x', "resource cpus must be a number, not 'x'"],
    ['cpus:-1', 'resource cpus must not be negative'],
    ['cpus:0.0001', 'resource cpus must be 0 or at least 0.001'],
    ['cpus:Infinity', "resource cpus must be a number, not 'Infinity'"],
    ['cpus', "resource 'cpus' must have the form name:value or name(role):value"],
    [':1', "resource ':1' must have the form name:value or name(role):value"],
    ['cpus(-a):1', "resource cpus: role '-a' must not have a component that begins with '-'"],
    ['cpus(a b):1', "resource cpus: role 'a b' must not contain whitespace, backslash or control characters"],
    ['cpus:[1-2]', 'resource cpus must be of kind scalar, not ranges'],
    ['ports:3', 'resource ports must be of kind ranges, not scalar'],
    ['ports:[3-1]', 'resource ports has the range 3-1, which runs backwards'],
    ['disks:{a,}', 'resource disks must not have an empty item'],
    ['gpus:0.5', 'resource gpus must be a whole number'],
    [
      '[{"name":"gpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]',
      'resource gpus must not be revocable',
    ],
    [
      '[{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"volume":{"container_path":"data"}}}]',
      'resource disk must not have disk.volume without disk.persistence',
    ],
    ['[1]', 'resources[0]: entry must be an object'],
    ['[{"name":"cpus"}]', 'resources[0]: type must be SCALAR, RANGES or SET'],
    ['[{', /^resources must be a JSON array: /],
  ])('%j is refused', (text, message) => {
    expect(Resources.parse(text)).toMatchObject({
      kind: 'invalid',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  test('R8: the JSON form says the same as the text', () => {
    const json = JSON.stringify([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 8 }, reservations: [{ type: 'STATIC', role: 'web' }] },
      { name: 'mem', type: 'SCALAR', scalar: { value: 1024 }, role: 'ops' },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: {
          range: [
            { begin: '1', end: '2' },
            { begin: 5, end: 9 },
          ],
        },
      },
      { name: 'set', type: 'SET', set: { item: ['b', 'a'] } },
    ]);
    expect(resources(json).toString()).toBe('cpus(web):8;mem(ops):1024;ports:[1-2,5-9];set:{a,b}');
  });

  test('R27: a refinement lies strictly below what it refines', () => {
    const stack = (...reservations: Reservation[]): Resource => ({
      name: 'cpus',
      value: { kind: 'scalar', milli: 1 },
      reservations,
    });
    expect(
      Resources.validate([stack({ type: 'STATIC', role: 'eng' }, { type: 'DYNAMIC', role: 'eng/web' })]),
    ).toBeUndefined();
    expect(
      Resources.validate([stack({ type: 'STATIC', role: 'eng' }, { type: 'DYNAMIC', role: 'ops' })]),
    ).toMatchObject({ kind: 'invalid' });
    expect(Resources.validate([stack({ type: 'DYNAMIC', role: '*' })])).toMatchObject({ kind: 'invalid' });
  });
});
