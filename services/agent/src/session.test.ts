import { createLogger } from '@meseta/kit';
import { internal } from '@meseta/protocol';
import { MasterSession } from './session';

/** How long a master may take to answer. */
const silenceMs = 10_000;

test('G2: the pause before the next try doubles up to a bound, and is spread at random', async () => {
  for (const [random, expected] of [
    [0, [500, 1_000, 2_000, 2_000]],
    [0.5, [750, 1_500, 3_000, 3_000]],
  ] as const) {
    const waits: number[] = [];
    let done: () => void = () => undefined;
    const four = new Promise<void>((resolve) => (done = resolve));
    const session: MasterSession = new MasterSession({
      // Nobody is there.
      masters: ['127.0.0.1:1'],
      random: () => random,
      backoff: { minMs: 1_000, maxMs: 4_000 },
      timers: {
        after: (ms, fn) => {
          if (ms === silenceMs) return () => undefined;
          waits.push(ms);
          if (waits.length === 4) done();
          else setImmediate(fn);
          return () => undefined;
        },
      },
      log: createLogger('agent', 'silent'),
      term: () => 0,
      onOpened: (id) => session.introduce(id, () => internal.AgentMessage.fromPartial({})),
      onClosed: () => undefined,
      onMessages: () => undefined,
      onRefused: () => undefined,
      isFull: () => false,
    });
    session.open();
    await four;
    session.close();
    expect(waits).toEqual(expected);
  }
});
