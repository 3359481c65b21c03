import { renderFacts, renderTable } from './table';

test('columns are as wide as their widest cell; numbers stand to the right', () => {
  expect(
    renderTable(
      ['NAME', 'CPUS'],
      [
        ['a', '1'],
        ['longer', '12.5'],
      ],
      'none',
    ),
  ).toBe('NAME    CPUS\na          1\nlonger  12.5\n');
});

test('no rows is said in words', () => {
  expect(renderTable(['NAME'], [], 'no tasks')).toBe('no tasks\n');
});

test('facts without a value are left out; lines of a value stand below each other', () => {
  expect(
    renderFacts([
      ['id', 'x'],
      ['image', undefined],
      ['labels', 'a=1\nb=2'],
    ]),
  ).toBe('id      x\nlabels  a=1\n        b=2\n');
});
