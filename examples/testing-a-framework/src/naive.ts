import type { Offer, Scheduler, Task } from '@meseta/sdk';
import { worker } from './worker';

/**
 * Starts one worker on each of so many machines, all of them or none: a gang. It waits until it holds an offer of each machine.
 *
 * It has a bug, which a test on a simulated cluster finds: see gang.test.ts.
 */
export async function startGang(scheduler: Scheduler, size: number): Promise<readonly Task[]> {
  const held: Offer[] = [];
  for await (const offer of scheduler.offers()) {
    held.push(offer);
    if (held.length === size) break;
  }
  return Promise.all(held.map((offer) => offer.launch(worker)));
}
