import { isFailure } from '@meseta/model';
import { compilePattern } from './pattern';

test('the whole text must match', () => {
  const matches = compilePattern('regex', 'rack-[0-9]+');
  if (isFailure(matches)) throw new Error(matches.message);
  expect([matches('rack-12'), matches('rack-'), matches('a rack-12'), matches('rack-12b')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test.each([
  ['(a', 'is not a regular expression of RE2'],
  ['(a)\\1', 'is not a regular expression of RE2'],
  ['[a-z]{90}[0-9]{90}', 'is too large'],
  ['x'.repeat(5000), 'must not be longer than 4096 characters'],
])('bad pattern %# is refused', (pattern, why) => {
  const refused = compilePattern('regex', pattern);
  expect(isFailure(refused) && refused.message).toContain(why);
});

test('a pattern that takes other engines for ever takes this one no time', () => {
  const matches = compilePattern('regex', '(a+)+b');
  expect(isFailure(matches) || matches('a'.repeat(50_000))).toBe(false);
});
