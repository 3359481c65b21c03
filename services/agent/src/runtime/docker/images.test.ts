import { EventEmitter } from 'node:events';
import type Docker from 'dockerode';
import type { Retry } from '@meseta/kit';
import { FakeClock } from '@meseta/testing';
import { fetchAgainMs, fetchesMax } from '../../images/shared-fetches';
import { Images } from './images';

function refusal(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

/** A daemon without images, of which each pull goes as a test says: undefined is well. */
function daemon(pulls: (Error | undefined)[]) {
  const asked: string[] = [];
  const docker = {
    getImage: () => ({ inspect: () => Promise.reject(refusal(404, 'no such image')) }),
    pull: (image: string) => {
      asked.push(image);
      const error = pulls.shift();
      return error === undefined ? Promise.resolve(new EventEmitter()) : Promise.reject(error);
    },
    modem: { followProgress: (_stream: unknown, done: (error: null) => void) => done(null) },
  };
  const clock = new FakeClock(0);
  return { images: new Images(docker as unknown as Docker, clock), clock, asked };
}

/** Lets promises that are ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a fetch that fails for a passing reason is tried again, and each retry is told to everybody who waits', async () => {
  const { images, clock, asked } = daemon([
    refusal(500, 'i/o timeout'),
    refusal(502, 'bad gateway'),
    undefined,
  ]);
  const heard: Retry[][] = [[], []];
  const fetched = heard.map((retries) =>
    images.ensure('web', { listener: { retried: (retry) => retries.push(retry) } }),
  );
  await settle();
  clock.advance(fetchAgainMs);
  await settle();
  clock.advance(2 * fetchAgainMs);
  await Promise.all(fetched);
  expect(asked).toEqual(['web:latest', 'web:latest', 'web:latest']);
  for (const retries of heard)
    expect(retries.map(({ attempt, delayMs, error }) => [attempt, delayMs, String(error)])).toEqual([
      [2, 1000, 'Error: i/o timeout'],
      [3, 2000, 'Error: bad gateway'],
    ]);
});

test('it is given up in the end, with the last reason', async () => {
  const { images, clock, asked } = daemon(Array.from({ length: 9 }, () => refusal(500, 'i/o timeout')));
  const failed = expect(images.ensure('web:1')).rejects.toThrow("cannot pull image 'web:1': i/o timeout");
  for (let n = 0; n < fetchesMax; n++) {
    await settle();
    clock.advance(60_000);
  }
  await failed;
  expect(asked).toHaveLength(fetchesMax);
});

test.each([
  ['an image that is not there', refusal(404, 'manifest unknown')],
  ['one that the daemon calls unknown in a fault', refusal(500, 'manifest for web:1 not found')],
  ['one that is not for us', refusal(500, 'denied: requested access to the resource is denied')],
])('%s is not asked for again', async (_what, error) => {
  const { images, asked } = daemon([error]);
  await expect(images.ensure('web:1')).rejects.toThrow(/cannot pull image 'web:1'/);
  expect(asked).toEqual(['web:1']);
});
