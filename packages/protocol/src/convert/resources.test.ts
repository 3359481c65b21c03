import fc from 'fast-check';
import type { Resource } from '@meseta/model';
import { isFailure, Resources } from '@meseta/model';
import { Resource as ProtoResource, Resource_ReservationInfo_Type } from '../gen/meseta/v1/resources';
import { Value_Type } from '../gen/meseta/v1/values';
import { resourcesFromProto, resourcesToOldProto, resourcesToProto } from './resources';

const cpus = { name: 'cpus', type: Value_Type.SCALAR, scalar: { value: 2 }, reservations: [] };

const entry: fc.Arbitrary<Resource> = fc
  .tuple(
    fc.constantFrom<Pick<Resource, 'name' | 'value'>>(
      { name: 'cpus', value: { kind: 'scalar', milli: 1500 } },
      {
        name: 'ports',
        value: {
          kind: 'ranges',
          ranges: [
            { begin: 1, end: 5 },
            { begin: 9, end: 9 },
          ],
        },
      },
      { name: 'things', value: { kind: 'set', items: ['a', 'b'] } },
    ),
    fc.constantFrom<Resource['reservations']>(
      [],
      [{ type: 'STATIC', role: 'eng' }],
      [
        { type: 'STATIC', role: 'eng' },
        {
          type: 'DYNAMIC',
          role: 'eng/web',
          principal: 'p',
          labels: [{ key: 'k', value: 'v' }, { key: 'flag' }],
        },
      ],
    ),
    fc.constantFrom(undefined, 'eng'),
  )
  .map(([value, reservations, allocationRole]) => ({
    ...value,
    reservations,
    ...(allocationRole !== undefined && { allocationRole }),
  }));

const disks: readonly Resource[] = (['PATH', 'MOUNT', 'BLOCK', 'RAW'] as const).map((type) => ({
  name: 'disk',
  value: { kind: 'scalar', milli: 1000 },
  reservations: [{ type: 'STATIC', role: 'eng' }],
  disk: {
    persistence: { id: 'v', principal: 'p' },
    volume: { containerPath: 'data', mode: 'RO', hostPath: '/h' },
    source: {
      type,
      ...(type === 'PATH' || type === 'MOUNT'
        ? { root: '/r' }
        : { id: 'i', profile: 'p', vendor: 'v', metadata: [{ key: 'k' }] }),
    },
  },
  shared: true,
  providerId: 'rp',
}));

describe('resources on the wire', () => {
  test('there and back, through bytes, is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(entry, fc.constantFrom(...disks)), { maxLength: 6 }), (entries) => {
        const before = Resources.of(entries);
        const bytes = resourcesToProto(before).map((resource) => ProtoResource.encode(resource).finish());
        const after = resourcesFromProto(bytes.map((one) => ProtoResource.decode(one)));
        expect(isFailure(after) ? after : after.equals(before)).toBe(true);
      }),
    );
  });

  test('R17: a role alone was a static reservation, with a reservation a dynamic one', () => {
    expect(resourcesFromProto([{ ...cpus, role: 'web' }])).toEqual(Resources.parse('cpus(web):2'));
    expect(
      (resourcesFromProto([{ ...cpus, role: 'web', reservation: { principal: 'p' } }]) as Resources)
        .entries[0]?.reservations,
    ).toEqual([{ type: 'DYNAMIC', role: 'web', principal: 'p' }]);
    expect(resourcesFromProto([{ ...cpus, role: '*' }])).toEqual(Resources.parse('cpus:2'));
  });

  test('R17: for who does not know stacks, a role alone is a static reservation, with a reservation a dynamic one', () => {
    const of = (...reservations: Resource['reservations'][number][]): Resources =>
      (Resources.parse('cpus:2') as Resources).map((one) => ({ ...one, reservations }));
    const eng = { type: 'STATIC', role: 'eng' } as const;
    const labels = [{ key: 'k', value: 'v' }];
    const made = { type: 'DYNAMIC', role: 'web', principal: 'p', labels } as const;
    expect(resourcesToOldProto(of())).toEqual([{ ...cpus, role: '*' }]);
    expect(resourcesToOldProto(of(eng))).toEqual([{ ...cpus, role: 'eng' }]);
    expect(resourcesToOldProto(of(made))).toEqual([
      { ...cpus, role: 'web', reservation: { principal: 'p', labels: { labels } } },
    ]);
    expect(resourcesToOldProto(of({ type: 'DYNAMIC', role: 'web' }))).toEqual([
      { ...cpus, role: 'web', reservation: {} },
    ]);
    for (const one of [of(), of(eng), of(made)])
      expect((resourcesFromProto(resourcesToOldProto(one)) as Resources).equals(one)).toBe(true);
    // More than one layer has no old form.
    const stack = of(eng, { type: 'DYNAMIC', role: 'eng/web' });
    expect(resourcesToOldProto(stack)).toEqual(resourcesToProto(stack));
  });

  test.each<[string, ProtoResource, string]>([
    ['no name', { ...cpus, name: '' }, 'resource name must be set'],
    ['no type', { ...cpus, type: undefined }, 'resource cpus must be of type SCALAR, RANGES or SET'],
    ['no scalar', { ...cpus, scalar: undefined }, 'resource cpus must have a scalar'],
    ['a text', { ...cpus, type: Value_Type.TEXT }, 'resource cpus must be of type SCALAR, RANGES or SET'],
    ['less than nothing', { ...cpus, scalar: { value: -1 } }, 'resource cpus must not be negative'],
    ['not a number', { ...cpus, scalar: { value: NaN } }, 'resource cpus must be a finite number'],
    ['too little', { ...cpus, scalar: { value: 0.0001 } }, 'resource cpus must be 0 or at least 0.001'],
    [
      'reserved to nobody',
      { ...cpus, role: '*', reservation: {} },
      "resource cpus must not be reserved to '*'",
    ],
    [
      'both formats',
      { ...cpus, role: 'web', reservations: [{ role: 'web', type: Resource_ReservationInfo_Type.STATIC }] },
      'resource cpus must not have both reservations and the older role or reservation',
    ],
    [
      'a reservation of no kind',
      { ...cpus, reservations: [{ role: 'web' }] },
      'resource cpus has a reservation that is neither STATIC nor DYNAMIC',
    ],
    [
      'a range backwards',
      {
        name: 'ports',
        type: Value_Type.RANGES,
        ranges: { range: [{ begin: 3n, end: 1n }] },
        reservations: [],
      },
      'resource ports has the range 3-1, which runs backwards',
    ],
    [
      'a range beyond numbers',
      {
        name: 'ports',
        type: Value_Type.RANGES,
        ranges: { range: [{ begin: 0n, end: 2n ** 60n }] },
        reservations: [],
      },
      'resource ports must consist of whole numbers from 0 on',
    ],
  ])('%s is refused', (_, resource, message) => {
    expect(resourcesFromProto([resource])).toMatchObject({ kind: 'invalid', message });
  });
});
