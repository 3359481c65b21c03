import fc from 'fast-check';
import type { Ranges } from './ranges';
import {
  differenceOf,
  normalRanges,
  parseRanges,
  printRanges,
  rangesContain,
  rangesEqual,
  sizeOf,
  unionOf,
} from './ranges';

const anyRanges: fc.Arbitrary<Ranges> = fc
  .array(fc.tuple(fc.nat(40), fc.nat(6)), { maxLength: 8 })
  .map((pairs) => normalRanges(pairs.map(([begin, more]) => ({ begin, end: begin + more }))));

/** The slow and obvious way: every number written out. */
const members = (ranges: Ranges): Set<number> =>
  new Set(ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i)));

describe('ranges (R3)', () => {
  test('taking one port splits the rest in two', () => {
    const ports = [{ begin: 31000, end: 31010 }];
    expect(differenceOf(ports, [{ begin: 31005, end: 31005 }])).toEqual([
      { begin: 31000, end: 31004 },
      { begin: 31006, end: 31010 },
    ]);
  });

  test('what touches is merged', () => {
    expect(parseRanges('ports', '[5-9, 1-2,3-4]')).toEqual([{ begin: 1, end: 9 }]);
  });

  test.each(['', '1-2', '[1]', '[a-b]', '[1-2', '[2-1]', '[-1-2]', '[1-99999999999999999999]'])(
    '%j is refused',
    (text) => {
      expect(parseRanges('ports', text)).toMatchObject({ kind: 'invalid', detail: { field: 'ports' } });
    },
  );

  test('union, difference, containment and size agree with sets of numbers', () => {
    fc.assert(
      fc.property(anyRanges, anyRanges, (a, b) => {
        const [inA, inB] = [members(a), members(b)];
        expect(members(unionOf(a, b))).toEqual(new Set([...inA, ...inB]));
        expect(members(differenceOf(a, b))).toEqual(new Set([...inA].filter((n) => !inB.has(n))));
        expect(rangesContain(a, b)).toBe([...inB].every((n) => inA.has(n)));
        expect(sizeOf(a)).toBe(inA.size);
      }),
    );
  });

  test('reading what was printed gives the same', () => {
    fc.assert(fc.property(anyRanges, (a) => rangesEqual(parseRanges('x', printRanges(a)) as Ranges, a)));
  });
});
