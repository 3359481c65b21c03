/**
 * A number from 0 to 1 that looks random and depends on the seed and what it is drawn for alone: who is asked first does not change what others
 * draw, and the same seed gives the same turn.
 */
export function draw(seed: number, round: number, of: number): number {
  let mixed =
    Math.imul(seed ^ 0x9e3779b1, 0x85ebca6b) ^ Math.imul(round + 1, 0xc2b2ae35) ^ Math.imul(of, 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x100000000;
}

/** A number for a name. FNV-1a. */
export function hashOfName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}
