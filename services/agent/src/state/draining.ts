import type { Instant } from '@meseta/model';
import type { Order } from './command';
import type { Effect } from './effect';
import { graceOf, kill, shutdownExecutor } from './kills';
import type { AgentState } from './state';

/** The agent is to be emptied (T63): every task is killed, none is launched, until nothing is left. */
export function stepDrain(state: AgentState, order: Order & { kind: 'drain' }, now: Instant): Effect[] {
  if (state.tasks.size === 0 && state.executors.size === 0) return [];
  state.drain = { graceMaxMs: order.graceMaxMs, markGone: order.markGone };
  const effects: Effect[] = [{ kind: 'saveAgent' }];
  for (const task of state.tasks.values())
    effects.push(...kill(state, task, 'draining', graceOf(task.info), now));
  for (const executor of [...state.executors.values()]) {
    const alive = [...executor.tasks].some((key) => state.tasks.get(key)?.phase !== 'ended');
    if (!alive) effects.push(...shutdownExecutor(state, executor, 'asked', now));
  }
  return effects;
}
