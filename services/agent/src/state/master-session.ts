import type { Instant } from '@meseta/model';
import type { Command, Order } from './command';
import type { Effect } from './effect';
import type { AgentState } from './state';
import { resendOperations } from './operations';
import { resend } from './status-updates';

/** The agent reached a master: it says who it is, and waits to be taken in. */
export function stepSessionOpened(state: AgentState, sessionId: number): Effect[] {
  state.session = { id: sessionId, registered: false };
  return [{ kind: 'register', sessionId }];
}

/** The stream ended: updates wait until the next master has taken the agent in (T29). */
export function stepSessionClosed(state: AgentState, sessionId: number): Effect[] {
  if (state.session?.id === sessionId) state.session = undefined;
  return [];
}

/** Whether this stream's master is to be listened to (A5). Notes a higher term; a lower one ends the session. */
export function heed(
  state: AgentState,
  said: Command & { kind: 'masterSaid' },
): { readonly heeded: boolean; readonly effects: Effect[] } {
  if (state.session?.id !== said.sessionId) return { heeded: false, effects: [] };
  if (said.term < state.term) {
    const reason = `its term ${said.term} is lower than ${state.term}, which the agent has obeyed`;
    return { heeded: false, effects: [{ kind: 'closeSession', sessionId: said.sessionId, reason }] };
  }
  if (said.term === state.term) return { heeded: true, effects: [] };
  state.term = said.term;
  return { heeded: true, effects: [{ kind: 'saveAgent' }] };
}

/** The master took the agent in. */
export function stepRegistered(
  state: AgentState,
  order: Order & { kind: 'registered' },
  now: Instant,
): Effect[] {
  const session = state.session;
  if (session === undefined || session.registered) return [];
  if (order.cluster !== '' && order.cluster !== state.cluster) {
    const message = `the master is of the cluster '${order.cluster}', this agent of '${state.cluster}' (--cluster)`;
    return [{ kind: 'stop', message }];
  }
  if (state.agentId !== undefined && state.agentId !== order.agentId) {
    return [{ kind: 'stop', message: `the master takes this agent, ${state.agentId}, for ${order.agentId}` }];
  }
  const effects: Effect[] = state.agentId === undefined ? [{ kind: 'saveAgent' }] : [];
  state.agentId = order.agentId;
  session.registered = true;
  effects.push({ kind: 'registered', sessionId: session.id, silenceMaxMs: order.silenceMaxMs });
  effects.push(...resend(state, state.tasks.values(), now));
  effects.push(...resendOperations(state, now));
  return effects;
}
