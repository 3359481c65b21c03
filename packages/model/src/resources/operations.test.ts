import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isFailure } from '../failure';
import { applyOperation, conversionOf, type ResourceOperation } from './operations';
import type { Reservation, Resource } from './resource';
import { Resources } from './resources';

const web: Reservation = { type: 'DYNAMIC', role: 'web' };

function parse(text: string): Resources {
  const resources = Resources.parse(text);
  if (isFailure(resources)) throw new Error(resources.message);
  return resources;
}

function reserved(text: string, ...reservations: Reservation[]): Resources {
  return parse(text).map((entry) => ({ ...entry, reservations }));
}

function volume(id: string, megabytes: number, ...reservations: Reservation[]): Resource {
  return {
    name: 'disk',
    value: { kind: 'scalar', milli: megabytes * 1000 },
    reservations: reservations.length === 0 ? [web] : reservations,
    disk: { persistence: { id }, volume: { containerPath: 'data', mode: 'RW' } },
  };
}

/** A volume on a disk of its own. */
function mounted(megabytes: number): Resource {
  const plain = volume('v', megabytes);
  return { ...plain, disk: { ...plain.disk, source: { type: 'MOUNT', root: '/m' } } };
}

function apply(total: Resources, operation: ResourceOperation): Resources {
  const result = applyOperation(total, operation);
  if (isFailure(result)) throw new Error(result.message);
  return result;
}

const reserve = (resources: Resources, source = Resources.empty): ResourceOperation => ({
  kind: 'reserve',
  resources,
  source,
});

describe('operations on resources', () => {
  test('RESERVE takes what is unreserved and UNRESERVE gives it back', () => {
    const total = parse('cpus:4;mem:1024');
    const after = apply(total, reserve(reserved('cpus:1', web)));
    expect(after.unreserved().toString()).toBe('cpus:3;mem:1024');
    expect(after.reservedTo('web').scalarMilli('cpus')).toBe(1000);
    expect(apply(after, { kind: 'unreserve', resources: reserved('cpus:1', web) }).equals(total)).toBe(true);
  });

  test('a reservation is refined and undone one layer at a time (R27)', () => {
    const below: Reservation = { type: 'DYNAMIC', role: 'web/shop' };
    const first = apply(parse('cpus:4'), reserve(reserved('cpus:2', web)));
    const second = apply(first, reserve(reserved('cpus:1', web, below)));
    expect(second.reservedTo('web/shop').scalarMilli('cpus')).toBe(1000);
    const back = apply(second, { kind: 'unreserve', resources: reserved('cpus:1', web, below) });
    expect(back.equals(first)).toBe(true);
  });

  test('RESERVE with a source moves resources from one role to another (R31)', () => {
    const total = reserved('cpus:2', web);
    const moved = apply(
      total,
      reserve(reserved('cpus:1', { type: 'DYNAMIC', role: 'db' }), reserved('cpus:1', web)),
    );
    expect(moved.reservedTo('db').scalarMilli('cpus')).toBe(1000);
    expect(moved.reservedTo('web').scalarMilli('cpus')).toBe(1000);
  });

  test('R24: RESERVE with a source exchanges dynamic reservations and leaves the static one below them', () => {
    const eng: Reservation = { type: 'STATIC', role: 'eng' };
    const to = (role: string): Reservation => ({ type: 'DYNAMIC', role });
    const moved = apply(
      reserved('cpus:2', eng, to('eng/a')),
      reserve(reserved('cpus:1', eng, to('eng/b')), reserved('cpus:1', eng, to('eng/a'))),
    );
    expect(moved.reservedTo('eng/b').scalarMilli('cpus')).toBe(1000);
    const refined = apply(
      reserved('cpus:2', eng),
      reserve(reserved('cpus:1', eng, to('eng/b')), reserved('cpus:1', eng)),
    );
    expect(refined.reservedTo('eng').scalarMilli('cpus')).toBe(1000);
  });

  test('CREATE makes a volume of reserved disk, DESTROY gives the disk back', () => {
    const total = reserved('disk:100', web);
    const made = apply(total, { kind: 'create', volumes: Resources.of([volume('v', 40)]) });
    expect(made.quantities().get('disk')).toBe(100_000);
    expect(apply(made, { kind: 'destroy', volumes: Resources.of([volume('v', 40)]) }).equals(total)).toBe(
      true,
    );
  });

  test('a volume grows and shrinks, and keeps its id', () => {
    const total = apply(reserved('disk:100', web), {
      kind: 'create',
      volumes: Resources.of([volume('v', 40)]),
    });
    const addition = reserved('disk:10', web).entries[0] as Resource;
    const grown = apply(total, { kind: 'growVolume', volume: volume('v', 40), addition });
    expect(grown.contains(Resources.of([volume('v', 50)]))).toBe(true);
    const shrunk = apply(grown, { kind: 'shrinkVolume', volume: volume('v', 50), subtractMilli: 10_000 });
    expect(shrunk.equals(total)).toBe(true);
  });

  test('R43, R56: a volume that is named with another mount path or principal stays as it was made', () => {
    const asked = (megabytes: number): Resource => ({
      ...volume('v', megabytes),
      disk: {
        persistence: { id: 'v', principal: 'other' },
        volume: { containerPath: 'logs', mode: 'RO', hostPath: '/h' },
      },
    });
    const formOf = (total: Resources): unknown => total.entries.find(({ disk }) => disk !== undefined)?.disk;
    const made = apply(reserved('disk:100', web), {
      kind: 'create',
      volumes: Resources.of([volume('v', 40)]),
    });
    const addition = reserved('disk:10', web).entries[0] as Resource;
    const grown = apply(made, { kind: 'growVolume', volume: asked(40), addition });
    expect([grown.scalarMilli('disk'), formOf(grown)]).toEqual([100_000, volume('v', 50).disk]);
    const shrunk = apply(grown, { kind: 'shrinkVolume', volume: asked(50), subtractMilli: 20_000 });
    expect(formOf(shrunk)).toEqual(volume('v', 30).disk);
    const destroyed = apply(shrunk, { kind: 'destroy', volumes: Resources.of([asked(30)]) });
    expect(destroyed.equals(reserved('disk:100', web))).toBe(true);
  });

  test.each<[string, ResourceOperation, RegExp]>([
    ['nothing', reserve(Resources.empty), /resources: must not be empty/],
    ['no reservation', reserve(parse('cpus:1')), /must end with a dynamic reservation/],
    ['static', reserve(reserved('cpus:1', { type: 'STATIC', role: 'web' })), /dynamic reservation/],
    ['the default role', reserve(reserved('cpus:1', { type: 'DYNAMIC', role: '*' })), /reserved to '\*'/],
    ['revocable', reserve(reserved('cpus:1', web).map((one) => ({ ...one, revocable: true }))), /revocable/],
    ['a volume', reserve(Resources.of([volume('v', 1)])), /must not be a volume/],
    [
      'another amount than the source',
      reserve(reserved('cpus:2', web), reserved('cpus:1', { type: 'DYNAMIC', role: 'db' })),
      /source: must be the same/,
    ],
    [
      "R24: a source that an agent's configuration reserved",
      reserve(reserved('cpus:1', web), reserved('cpus:1', { type: 'STATIC', role: 'db' })),
      /source: must have the same STATIC reservation as resources/,
    ],
    [
      "R24: to reserve as an agent's configuration does",
      reserve(
        reserved('cpus:1', { type: 'STATIC', role: 'web' }, { type: 'DYNAMIC', role: 'web/a' }),
        parse('cpus:1'),
      ),
      /source: must have the same STATIC reservation as resources/,
    ],
    [
      'R31: to several roles at once',
      reserve(
        reserved('cpus:1', web).add(reserved('mem:1', { type: 'DYNAMIC', role: 'db' })),
        parse('cpus:1;mem:1'),
      ),
      /resources: must all have the same reservations/,
    ],
    [
      'R31: from several roles at once',
      reserve(
        reserved('cpus:1;mem:1', web),
        reserved('cpus:1', { type: 'DYNAMIC', role: 'db' }).add(parse('mem:1')),
      ),
      /source: must all have the same reservations/,
    ],
    ['unreserve what is not', { kind: 'unreserve', resources: parse('cpus:1') }, /is not reserved/],
    [
      'unreserve a static one',
      { kind: 'unreserve', resources: reserved('cpus:1', { type: 'STATIC', role: 'web' }) },
      /STATIC/,
    ],
    [
      'unreserve a volume',
      { kind: 'unreserve', resources: Resources.of([volume('v', 1)]) },
      /destroy it first/,
    ],
    ['a volume of cpus', { kind: 'create', volumes: reserved('cpus:1', web) }, /cpus is not a disk/],
    ['a disk that is no volume', { kind: 'create', volumes: reserved('disk:1', web) }, /disk\.persistence/],
    ['a bad id', { kind: 'create', volumes: Resources.of([volume('a/b', 1)]) }, /disk\.persistence\.id/],
    [
      'an unreserved volume',
      { kind: 'create', volumes: Resources.of([{ ...volume('v', 1), reservations: [] }]) },
      /must be reserved/,
    ],
    [
      'one id twice',
      { kind: 'create', volumes: Resources.of([volume('v', 1), volume('v', 2)]) },
      /web\/v is named twice/,
    ],
    ['destroy plain disk', { kind: 'destroy', volumes: reserved('disk:1', web) }, /not a persistent volume/],
    [
      'shrink by all of it',
      { kind: 'shrinkVolume', volume: volume('v', 10), subtractMilli: 10_000 },
      /less than the volume/,
    ],
    [
      'grow by other disk',
      { kind: 'growVolume', volume: volume('v', 10), addition: parse('disk:1').entries[0] as Resource },
      /same source and reservation/,
    ],
    ...(['BLOCK', 'RAW'] as const).map((type): [string, ResourceOperation, RegExp] => [
      `a volume on a disk of type ${type} (R51, R52)`,
      {
        kind: 'create',
        volumes: Resources.of([
          { ...volume('v', 1), disk: { ...volume('v', 1).disk, source: { type, id: 'd' } } },
        ]),
      },
      new RegExp(`must not be on a disk of type ${type}`),
    ]),
    [
      'grow one that has a whole disk',
      {
        kind: 'growVolume',
        volume: mounted(10),
        addition: reserved('disk:1', web).entries[0] as Resource,
      },
      /must not be on a disk of type MOUNT/,
    ],
    [
      'grow a shared one',
      {
        kind: 'growVolume',
        volume: { ...volume('v', 10), shared: true },
        addition: reserved('disk:1', web).entries[0] as Resource,
      },
      /must not be shared/,
    ],
  ])('refuses: %s', (_what, operation, message) => {
    const refused = conversionOf(operation);
    expect(isFailure(refused) ? refused.message : 'not refused').toMatch(message);
  });

  test('a volume has all of a mounted disk, or none (R50)', () => {
    const total = Resources.of([{ ...mounted(10), disk: { source: { type: 'MOUNT', root: '/m' } } }]);
    const part = applyOperation(total, { kind: 'create', volumes: Resources.of([mounted(4)]) });
    expect(isFailure(part) ? part.kind : '').toBe('conflict');
    const whole = apply(total, { kind: 'create', volumes: Resources.of([mounted(10)]) });
    expect(whole.equals(Resources.of([mounted(10)]))).toBe(true);
  });

  test('one path disk has room for several volumes (R49)', () => {
    const path = (megabytes: number, id?: string): Resource => ({
      ...volume(id ?? '', megabytes),
      disk: { ...(id !== undefined && volume(id, 0).disk), source: { type: 'PATH', root: 'p' } },
    });
    const total = apply(Resources.of([path(10)]), {
      kind: 'create',
      volumes: Resources.of([path(4, 'v'), path(5, 'w')]),
    });
    expect(total.equals(Resources.of([path(1), path(4, 'v'), path(5, 'w')]))).toBe(true);
  });

  test('what is not there cannot be converted, and an id is unique in its role (R42)', () => {
    expect(applyOperation(parse('cpus:1'), reserve(reserved('cpus:2', web)))).toMatchObject({
      kind: 'conflict',
    });
    const total = apply(reserved('disk:100', web), {
      kind: 'create',
      volumes: Resources.of([volume('v', 40)]),
    });
    const again = applyOperation(total, { kind: 'create', volumes: Resources.of([volume('v', 10)]) });
    expect(isFailure(again) && again.message).toBe('a volume v of role web is there already');
  });

  test('no operation changes how much there is', () => {
    const amounts = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), amounts), { maxLength: 30 }), (steps) => {
        let total = parse('cpus:100;disk:100');
        const before = [...total.quantities()];
        let made = 0;
        for (const [what, amount] of steps) {
          const volumes = total.entries.filter((one) => one.disk?.persistence !== undefined);
          const first = volumes[amount % Math.max(1, volumes.length)];
          const operation: ResourceOperation | undefined =
            what === 0
              ? reserve(reserved(`cpus:${amount};disk:${amount}`, web))
              : what === 1
                ? { kind: 'unreserve', resources: reserved(`disk:${amount}`, web) }
                : what === 2
                  ? { kind: 'create', volumes: Resources.of([volume(`v${made++}`, amount)]) }
                  : first === undefined
                    ? undefined
                    : what === 3
                      ? { kind: 'destroy', volumes: Resources.of([first]) }
                      : { kind: 'shrinkVolume', volume: first, subtractMilli: amount * 1000 };
          const after = operation === undefined ? undefined : applyOperation(total, operation);
          if (after !== undefined && !isFailure(after)) total = after;
        }
        expect([...total.quantities()].sort()).toEqual(before.sort());
      }),
    );
  });
});
