import { parseAttributes, printAttributes } from './attributes';
import { isFailure } from './failure';

describe('attributes (R10)', () => {
  test('text, scalar and ranges; a name may recur', () => {
    expect(parseAttributes('rack:a;level:10;keys:[1000-1500];rack:b')).toEqual([
      { name: 'rack', value: { kind: 'text', text: 'a' } },
      { name: 'level', value: { kind: 'scalar', milli: 10_000 } },
      { name: 'keys', value: { kind: 'ranges', ranges: [{ begin: 1000, end: 1500 }] } },
      { name: 'rack', value: { kind: 'text', text: 'b' } },
    ]);
  });

  test.each(['rack:a;level:10.5;keys:[1-2,5-9]', 'url:http://x/y', 'negative:-3', 'exact:0.00001'])(
    '%j is printed as it was read',
    (text) => {
      const attributes = parseAttributes(text);
      expect(isFailure(attributes) ? attributes : printAttributes(attributes)).toBe(text);
    },
  );

  test.each([
    ['disks:{a,b}', 'attribute disks must not be a set; sets are for resources only'],
    ['rack', "attribute 'rack' must have the form name:value"],
    [':a', "attribute ':a' must have the form name:value"],
    ['keys:[5-1]', 'attribute keys has the range 5-1, which runs backwards'],
  ])('%j is refused', (text, message) => {
    expect(parseAttributes(text)).toMatchObject({ kind: 'invalid', message });
  });
});
