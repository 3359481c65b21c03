import { randomBytes } from 'node:crypto';

/** A random number of 62 bits, greater than 0: leases of different processes do not meet. */
export function newLeaseId(): bigint {
  return (randomBytes(8).readBigUInt64BE() >> 2n) | 1n;
}
