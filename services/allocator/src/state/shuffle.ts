/** The items in an order that the seed decides: the same seed, the same order. Fisher-Yates over mulberry32. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = items.slice();
  let state = seed >>> 0;
  for (let last = order.length - 1; last > 0; last--) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const at = ((mixed ^ (mixed >>> 14)) >>> 0) % (last + 1);
    const moved = order[last] as T;
    order[last] = order[at] as T;
    order[at] = moved;
  }
  return order;
}
