import type { Offer, Scheduler, Task } from '@meseta/sdk';
import { worker } from './worker';

/**
 * Starts one worker on each of so many machines, all of them or none: a gang. It waits until it holds an offer of each machine.
 *
 * An offer that is held may be taken back at any moment: its machine went away, or somebody else needs it more. So what is held is counted anew
 * whenever something comes.
 */
export async function startGang(scheduler: Scheduler, size: number): Promise<readonly Task[]> {
  let held: Offer[] = [];
  for await (const offer of scheduler.offers()) {
    held = [...held.filter((one) => one.open && one.agentId !== offer.agentId), offer];
    if (held.length === size) break;
  }
  return Promise.all(held.map((offer) => offer.launch(worker)));
}
