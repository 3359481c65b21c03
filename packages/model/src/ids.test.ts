import { idBytesMax, validateId } from './ids';

describe('ids (S87)', () => {
  test.each(['a', 'task.1', 'ä'.repeat(127), '...', '-', 'a b'])('%j is good', (id) => {
    expect(validateId('task id', id)).toBeUndefined();
  });

  test.each([
    ['', 'must not be empty'],
    ['.', "must not be '.'"],
    ['..', "must not be '..'"],
    ['a/b', "must not contain '/'"],
    ['a\\b', "must not contain '\\'"],
    ['a\nb', 'must not contain control characters'],
    ['a\u0000', 'must not contain control characters'],
    ['ä'.repeat(128), `must not be longer than ${idBytesMax} bytes`],
  ])('%j %s', (id, rule) => {
    expect(validateId('task id', id)).toMatchObject({
      kind: 'invalid',
      message: `task id ${rule}`,
      detail: { field: 'task id' },
    });
  });
});
