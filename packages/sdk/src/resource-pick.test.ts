import { isFailure, Resources } from '@meseta/model';
import { pick } from './resource-pick';

function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}

function picked(offered: string, wanted: string): string | undefined {
  return pick(resources(offered).allocate('web'), resources(wanted))?.unallocate().toString();
}

test('plain resources come out of plain ones', () => {
  expect(picked('cpus:4;mem:1024', 'cpus:1;mem:32')).toBe('cpus:1;mem:32');
});

test('reserved pieces go first, so that what others could use is left', () => {
  expect(picked('cpus:4;cpus(web):1', 'cpus:1.5')).toBe('cpus(web):1;cpus:0.5');
});

test('ports are taken by number, over pieces', () => {
  expect(picked('ports:[31000-31010]', 'ports:[31003-31004]')).toBe('ports:[31003-31004]');
  expect(picked('ports:[31000-31010]', 'ports:[31010-31011]')).toBeUndefined();
});

test('sets are taken by item', () => {
  expect(picked('disks:{a,b}', 'disks:{b}')).toBe('disks:{b}');
  expect(picked('disks:{a,b}', 'disks:{c}')).toBeUndefined();
});

test('an entry that names its reservation must be there just so', () => {
  expect(picked('cpus:4;cpus(web):1', 'cpus(web):1')).toBe('cpus(web):1');
  expect(picked('cpus:4', 'cpus(web):1')).toBeUndefined();
});

test.each([
  ['cpus:1', 'cpus:1.001'],
  ['cpus:1', 'gpus:1'],
  ['cpus:1;mem:32', 'cpus:1;mem:33'],
])('from %s, %s is not to be had', (offered, wanted) => {
  expect(picked(offered, wanted)).toBeUndefined();
});

test('a picked piece keeps its allocation, as the master wants it back', () => {
  expect(pick(resources('cpus:1').allocate('web'), resources('cpus:1'))?.entries[0]?.allocationRole).toBe(
    'web',
  );
});
