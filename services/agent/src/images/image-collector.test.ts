import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectable } from './image-collector';
import { ImageRecord } from './image-record';

const images = [
  { name: 'web:2', usedAtMs: 30 },
  { name: 'web:1', usedAtMs: 10 },
  { name: 'tool', usedAtMs: 20 },
  { name: 'quay.io/db@sha256:01', usedAtMs: 5 },
];
const names = (inUse: readonly string[], excluded: readonly string[]): string[] =>
  collectable(images, (name) => inUse.includes(name), excluded).map(({ name }) => name);

test.each<[string, string[], string[], string[]]>([
  ['the least recently wanted first', [], [], ['quay.io/db@sha256:01', 'web:1', 'tool', 'web:2']],
  ['none that a container uses', ['web:1', 'tool'], [], ['quay.io/db@sha256:01', 'web:2']],
  ['none that is excluded by name', [], ['web', 'quay.io/db'], ['tool']],
  ['none that is excluded by tag', [], ['web:2', 'to'], ['quay.io/db@sha256:01', 'web:1', 'tool']],
])('%s', (_, inUse, excluded, expected) => {
  expect(names(inUse, excluded)).toEqual(expected);
});

test('the record outlives the agent, and holds only what the agent pulled', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meseta-images-'));
  const file = join(folder, 'meta/images.json');
  try {
    const record = new ImageRecord(file);
    record.use('mine', true, 1);
    record.use('theirs', false, 2);
    record.use('mine', false, 3);
    record.use('old', true, 4);
    record.forget('old');
    expect(new ImageRecord(file).all()).toEqual([{ name: 'mine', usedAtMs: 3 }]);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
