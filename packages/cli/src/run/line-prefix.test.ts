import { LinePrefix } from './line-prefix';

test('lines are put together over pieces, also in the middle of a letter', () => {
  const written: string[] = [];
  const lines = new LinePrefix('[a] ', (text) => written.push(text));
  const bytes = Buffer.from('grün\nblau\nrest');
  for (const byte of bytes) lines.push(Buffer.from([byte]));
  lines.end();
  expect(written.join('')).toBe('[a] grün\n[a] blau\n[a] rest\n');
});
