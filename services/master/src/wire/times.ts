import { nanosecondsOf, type Instant } from '@meseta/model';
import type { TimeInfo } from '@meseta/protocol';

/** A moment as nanoseconds since the epoch; undefined stays unset. */
export function timeInfo(at: Instant | undefined): TimeInfo | undefined {
  return at === undefined ? undefined : { nanoseconds: nanosecondsOf(at) };
}
