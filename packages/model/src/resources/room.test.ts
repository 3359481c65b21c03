import { isFailure } from '../failure';
import { Resources } from './resources';
import { roomFor } from './room';

function bag(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}

const perTask = (cpus: number, ports = 0) =>
  new Map([['cpus', cpus * 1000], ...(ports > 0 ? [['ports', ports * 1000] as const] : [])]);

test.each([
  ['as many as fit', 'cpus:4;mem:64', perTask(1.5), 9, 2, 'cpus:3'],
  ['as many as are wanted', 'cpus:4;mem:64', perTask(1), 3, 3, 'cpus:3'],
  ['none', 'cpus:4;mem:64', perTask(5), 3, 0, ''],
  ['none of what is not there', 'mem:64', perTask(1), 3, 0, ''],
  ['members of ranges are whole', 'cpus:4;ports:[1-3]', perTask(1, 2), 9, 1, 'cpus:1;ports:[1-2]'],
  ['and halves of them add up', 'cpus:4;ports:[1-3]', perTask(1, 1.5), 9, 2, 'cpus:2;ports:[1-3]'],
])('%s', (_what, text, size, max, tasks, taken) => {
  const room = roomFor(bag(text), size, max);
  expect([room.tasks, room.resources.toString()]).toEqual([tasks, taken]);
});

test('what can only be given whole is no room for a part of it', () => {
  const mount = Resources.of([
    {
      name: 'disk',
      value: { kind: 'scalar', milli: 64_000 },
      reservations: [],
      disk: { source: { type: 'MOUNT', root: '/mnt' } },
    },
  ]);
  expect(roomFor(mount, new Map([['disk', 1000]]), 1).tasks).toBe(0);
});
