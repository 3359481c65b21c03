import fc from 'fast-check';
import { isFailure } from '../failure';
import { carve } from './carve';
import { limitPlain } from './limit';
import { Resources } from './resources';

function bag(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}
const amounts = (text: string) => bag(text).quantities();

test('what is reserved is taken first, and of ranges the first members', () => {
  expect(carve(bag('cpus:2;cpus(web):1;ports:[5-6,9-12]'), amounts('cpus:2;ports:[1-3]'))?.toString()).toBe(
    'cpus(web):1;cpus:1;ports:[5-6,9-9]',
  );
});

test('what may be taken back at any moment is taken last', () => {
  const lent = bag('cpus:1').map((entry) => ({ ...entry, revocable: true }));
  expect(carve(lent.add(bag('cpus:1')), amounts('cpus:1'))?.toString()).toBe('cpus:1');
});

test('too little of one thing is nothing of all', () => {
  expect(carve(bag('cpus:2;mem:10'), amounts('cpus:1;mem:11'))).toBeUndefined();
  expect(carve(bag('cpus:2'), amounts('gpus:1'))).toBeUndefined();
});

test('what can only be given whole is left', () => {
  const mounted = bag('disk:10').map((entry) => ({
    ...entry,
    disk: { source: { type: 'MOUNT' as const, root: '/m' } },
  }));
  expect(carve(mounted, amounts('disk:5'))).toBeUndefined();
  expect(limitPlain(mounted.add(bag('cpus:2')), () => 5000).toString()).toBe('cpus:2');
});

const anyBag = fc
  .tuple(fc.nat(8), fc.nat(8), fc.nat(4096), fc.nat(20))
  .map(([cpus, reserved, mem, ports]) =>
    bag(`cpus:${cpus};cpus(web):${reserved};mem:${mem};ports:[31000-${31000 + ports}]`),
  );

test('what is carved is in the bag, and as much as was wanted', () => {
  fc.assert(
    fc.property(anyBag, anyBag, (from, like) => {
      const wanted = like.quantities();
      const taken = carve(from, wanted);
      if (taken === undefined)
        return [...wanted].some(([name, milli]) => milli > (from.quantities().get(name) ?? 0));
      return (
        from.contains(taken) && [...wanted].every(([name, milli]) => taken.quantities().get(name) === milli)
      );
    }),
  );
});

test('a limit cuts plain scalars to what is allowed, and nothing else', () => {
  fc.assert(
    fc.property(anyBag, fc.nat(8000), (from, allowed) => {
      const cut = limitPlain(from, (name) => (name === 'cpus' ? allowed : Infinity));
      return (
        cut.unreserved().scalarMilli('cpus') === Math.min(allowed, from.unreserved().scalarMilli('cpus')) &&
        from.subtract(cut).unreserved().scalarMilli('mem') === 0 &&
        cut.reservedTo('web').equals(from.reservedTo('web')) &&
        from.contains(cut)
      );
    }),
  );
});
