import { Pace } from './pace';

describe('a pace', () => {
  function setUp(most: number) {
    let now = 0;
    const pauses: number[] = [];
    const pace = new Pace(
      most,
      1_000,
      () => now,
      (ms) => (pauses.push(ms), Promise.resolve()),
    );
    return { pace, pauses, at: (ms: number) => (now = ms) };
  }

  test('G70: the third within a second waits for the rest of it, and the next for the one after', async () => {
    const { pace, pauses, at } = setUp(2);
    await pace.turn();
    at(100);
    await pace.turn();
    at(300);
    await pace.turn();
    await pace.turn();
    await pace.turn();
    expect(pauses).toEqual([700, 800, 1_700]);
    at(5_000);
    await pace.turn();
    expect(pauses).toHaveLength(3);
  });

  test('too many are refused', async () => {
    const pace = new Pace(
      1,
      1_000,
      () => 0,
      () => new Promise(() => undefined),
    );
    await pace.turn();
    for (let n = 0; n < 100; n++) void pace.turn();
    await expect(pace.turn()).rejects.toThrow('more than 100 callers wait');
  });
});
