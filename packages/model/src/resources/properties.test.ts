import fc from 'fast-check';
import { normalRanges } from '../values/ranges';
import { normalItems } from '../values/sets';
import type { DiskInfo, Reservation, Resource, ResourceValue } from './resource';
import { Resources } from './resources';

const scalar: fc.Arbitrary<ResourceValue> = fc.nat(5000).map((milli) => ({ kind: 'scalar', milli }));
const ranges: fc.Arbitrary<ResourceValue> = fc
  .array(fc.tuple(fc.nat(60), fc.nat(9)), { maxLength: 4 })
  .map((pairs) => ({
    kind: 'ranges',
    ranges: normalRanges(pairs.map(([begin, more]) => ({ begin, end: begin + more }))),
  }));
const set: fc.Arbitrary<ResourceValue> = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
  .map((items) => ({ kind: 'set', items: normalItems(items) }));

const named: fc.Arbitrary<Pick<Resource, 'name' | 'value'>> = fc.oneof(
  fc.record({ name: fc.constantFrom('cpus', 'mem', 'bananas'), value: scalar }),
  fc.record({ name: fc.constant('ports'), value: ranges }),
  fc.record({ name: fc.constant('disks'), value: set }),
);

const staticStack: fc.Arbitrary<readonly Reservation[]> = fc.constantFrom<readonly Reservation[]>(
  [],
  [{ type: 'STATIC', role: 'eng' }],
  [{ type: 'STATIC', role: 'ops' }],
);
const anyStack: fc.Arbitrary<readonly Reservation[]> = fc.oneof(
  staticStack,
  fc.constantFrom<readonly Reservation[]>(
    [{ type: 'DYNAMIC', role: 'eng', principal: 'p' }],
    [
      { type: 'STATIC', role: 'eng' },
      { type: 'DYNAMIC', role: 'eng/web', labels: [{ key: 'k', value: 'v' }] },
    ],
  ),
);

const plain: fc.Arbitrary<Resource> = fc
  .tuple(named, staticStack)
  .map(([entry, reservations]) => ({ ...entry, reservations }));

const anyDisk: fc.Arbitrary<Resource> = fc
  .tuple(
    fc.constantFrom(1000, 2000),
    fc.constantFrom<DiskInfo | undefined>(
      undefined,
      { source: { type: 'PATH', root: '/p' } },
      { source: { type: 'MOUNT', root: '/m' } },
      { persistence: { id: 'v' }, volume: { containerPath: 'data', mode: 'RW' } },
      { persistence: { id: 'v', principal: 'p' }, volume: { containerPath: 'logs', mode: 'RO' } },
    ),
    fc.boolean(),
  )
  .map(([milli, disk, shared]) => ({
    name: 'disk',
    value: { kind: 'scalar', milli },
    reservations: [{ type: 'STATIC', role: 'eng' }],
    ...(disk !== undefined && { disk }),
    ...(shared && disk?.persistence !== undefined && { shared: true }),
  }));

const anyEntry: fc.Arbitrary<Resource> = fc.oneof(
  fc
    .tuple(named, anyStack, fc.constantFrom(undefined, 'eng', 'eng/web'), fc.boolean())
    .map(([entry, reservations, allocationRole, revocable]) => ({
      ...entry,
      reservations,
      ...(allocationRole !== undefined && { allocationRole }),
      ...(revocable && reservations.length === 0 && { revocable }),
    })),
  anyDisk,
);

const bag = fc.array(anyEntry, { maxLength: 8 }).map((entries) => Resources.of(entries));
/** Sums of ranges and sets forget what both sides had, so the laws of subtraction hold where the two do not overlap. */
const disjoint = fc.tuple(bag, bag).filter(([a, b]) =>
  a.entries.every(
    (left) =>
      left.value.kind === 'scalar' ||
      Resources.of([left])
        .subtract(b)
        .equals(Resources.of([left])),
  ),
);

describe('the arithmetic of resources', () => {
  test('addition is commutative', () => {
    fc.assert(fc.property(bag, bag, (a, b) => a.add(b).equals(b.add(a))));
  });

  test('addition is associative', () => {
    fc.assert(
      fc.property(bag, bag, bag, (a, b, c) =>
        a
          .add(b)
          .add(c)
          .equals(a.add(b.add(c))),
      ),
    );
  });

  test('nothing is neutral', () => {
    fc.assert(fc.property(bag, (a) => a.add(Resources.empty).equals(a) && Resources.empty.add(a).equals(a)));
  });

  test('a + b - b = a', () => {
    fc.assert(fc.property(disjoint, ([a, b]) => a.add(b).subtract(b).equals(a)));
  });

  test('contains agrees with subtraction: a has b exactly if a - b + b = a', () => {
    fc.assert(fc.property(bag, bag, (a, b) => a.contains(b) === a.subtract(b).add(b).equals(a)));
  });

  test('a sum contains its parts', () => {
    fc.assert(fc.property(bag, bag, (a, b) => a.add(b).contains(a) && a.add(b).contains(b)));
  });

  test('a bag equals its parts summed', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 8 }), (entries) =>
        Resources.of(entries).equals(
          entries.reduce((sum, entry) => sum.add(Resources.of([entry])), Resources.empty),
        ),
      ),
    );
  });

  test('equality is containment both ways', () => {
    fc.assert(fc.property(bag, bag, (a, b) => a.equals(b) === (a.contains(b) && b.contains(a))));
  });

  test('allocating and taking back changes nothing', () => {
    fc.assert(fc.property(bag, (a) => a.unallocate().allocate('x').unallocate().equals(a.unallocate())));
  });

  test('reading what was printed gives the same, for plain and statically reserved resources', () => {
    fc.assert(
      fc.property(
        fc.array(plain, { maxLength: 8 }).map((entries) => Resources.of(entries)),
        (a) => {
          const read = Resources.parse(a.toString());
          return read instanceof Resources && read.equals(a);
        },
      ),
    );
  });
});
