import type { TaskStatus_Reason, TaskStatus_Source } from '@meseta/protocol';

/** Who made a status, by the names of the Mesos v1 API without their prefix. */
export type Source = Exclude<keyof typeof TaskStatus_Source, 'UNRECOGNIZED'>;

/** Why a task is in its state, by the names of the Mesos v1 API without their prefix. */
export type Reason = Exclude<keyof typeof TaskStatus_Reason, 'UNRECOGNIZED'>;

/**
 * The n-th uuid of a series: 16 bytes that are random because the series' seed is.
 *
 * Made from the container's random id and a counter, so that the core needs no randomness of its own and makes the same uuid again when it is replayed.
 *
 * @param seed a uuid as text, with or without dashes
 */
export function uuidAt(seed: string, n: number): string {
  const hex = seed.replaceAll('-', '').padEnd(32, '0').slice(0, 32);
  const tail = (Number.parseInt(hex.slice(24), 16) ^ n) >>> 0;
  return hex.slice(0, 24) + tail.toString(16).padStart(8, '0');
}
