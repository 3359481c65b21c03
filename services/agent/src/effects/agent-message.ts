import { resourcesToProto, type internal } from '@meseta/protocol';
import type { Act } from '../state/effect';
import type { AgentState } from '../state/state';
import { operationMessage } from './operation-message';
import { registerMessage, type Identity } from './register-message';
import { statusContainerOf, statusMessage, type StatusContext } from './status-message';

/** The effects that are messages to the master. */
export type Said = Extract<
  Act,
  {
    kind:
      | 'register'
      | 'pong'
      | 'status'
      | 'operation'
      | 'executorMessage'
      | 'executorEnded'
      | 'resourcesChanged'
      | 'sayGoodbye';
  }
>;

/** What the master is told. */
export function agentMessage(
  state: AgentState,
  said: Said,
  identity: Identity,
  context: StatusContext,
): internal.AgentMessage {
  switch (said.kind) {
    case 'register':
      return registerMessage(state, identity, context);
    case 'pong':
      return { message: { $case: 'pong', value: { sequence: said.sequence } } };
    case 'status': {
      const task = said.key === undefined ? undefined : state.tasks.get(said.key);
      const contained = task !== undefined && (task.runtime !== '' || task.executor !== undefined);
      return statusMessage(said, contained ? statusContainerOf(state, task) : undefined, context);
    }
    case 'operation':
      return operationMessage(said, state.agentId);
    case 'executorMessage': {
      const data = Buffer.from(said.data);
      return { message: { $case: 'executorMessage', value: { ...executorNames(said), data } } };
    }
    case 'executorEnded': {
      const { status, message } = said;
      return { message: { $case: 'executorEnded', value: { ...executorNames(said), status, message } } };
    }
    case 'resourcesChanged': {
      const total = state.resourcesChanged ? resourcesToProto(state.resources) : [];
      const oversubscribed = resourcesToProto(state.oversubscribed);
      return { message: { $case: 'resourcesChanged', value: { total, oversubscribed } } };
    }
    case 'sayGoodbye':
      return { message: { $case: 'unregister', value: { reason: said.reason } } };
  }
}

function executorNames(said: Said & { kind: 'executorMessage' | 'executorEnded' }) {
  return { frameworkId: { value: said.frameworkId }, executorId: { value: said.executorId } };
}
