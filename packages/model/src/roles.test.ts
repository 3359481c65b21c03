import { ancestorsOf, isWithin, parentOf, validateRole } from './roles';

describe('roles (R20, R21)', () => {
  test.each(['*', 'web', 'eng/web/front', 'a-b', 'ä'])('%j is good', (role) => {
    expect(validateRole(role)).toBeUndefined();
  });

  test.each(['', '-a', 'a b', '.', '..', 'a//b', '/a', 'a/', 'a/*', 'a*', 'a/-b', 'a/../b', 'a\\b', 'a\tb'])(
    '%j is refused',
    (role) => {
      expect(validateRole(role)).toMatchObject({ kind: 'invalid' });
    },
  );

  test('the tree', () => {
    expect(parentOf('a/b/c')).toBe('a/b');
    expect(parentOf('a')).toBeUndefined();
    expect(ancestorsOf('a/b/c')).toEqual(['a/b', 'a']);
    expect(isWithin('a/b', 'a')).toBe(true);
    expect(isWithin('a', 'a')).toBe(true);
    expect(isWithin('ab', 'a')).toBe(false);
    expect(isWithin('a', 'a/b')).toBe(false);
  });
});
