import { isTerminalOperation, type OperationState } from '@meseta/model';
import { bytesOf } from './bytes';
import type {
  AgentRegistration,
  Command,
  OperationAcknowledgement,
  ReconciledOperation,
  ReportedOperation,
} from './command';
import type { Agent, Framework, Operation } from './state';
import { observe, order, tell, type Turn } from './turn';

/** News of an operation (S83): its framework is told if it follows it; a terminal one that nobody follows is forgotten. */
export function stepOperationUpdate(
  turn: Turn,
  command: Extract<Command, { kind: 'operationUpdate' }>,
): void {
  const agent = turn.state.agents.get(command.agentId);
  if (agent === undefined || agent.session !== command.session)
    return observe(turn, { kind: 'ignored', what: 'operationUpdate' });
  const operation = agent.operations.get(command.operationUuid);
  const framework =
    operation?.frameworkId === undefined ? undefined : turn.state.frameworks.get(operation.frameworkId);
  if (operation !== undefined) move(turn, agent, operation, command.latestState);
  if (operation?.id === undefined || framework === undefined) {
    if (operation !== undefined && isTerminalOperation(operation.state)) forget(agent, framework, operation);
    // Nobody is there to acknowledge it, so the master does.
    if (command.uuid !== '') passOn(turn, agent, command.operationUuid, command.uuid);
    return;
  }
  if (framework.membership !== 'active') {
    operation.denied = command.uuid === '' && isTerminalOperation(operation.state);
    return;
  }
  operation.toldState = command.state;
  if (command.uuid !== '') operation.unacknowledged = command.uuid;
  else if (isTerminalOperation(operation.state)) forget(agent, framework, operation);
  tell(turn, framework, { kind: 'operationUpdate', status: command.status });
}

/** What its agent does not have, and said so while the framework was away: nobody repeats it, so the framework is told now that it listens. */
export function settleDeniedOperations(turn: Turn, framework: Framework): void {
  for (const operation of framework.operations.values()) {
    if (!operation.denied || operation.id === undefined) continue;
    answer(
      turn,
      framework,
      { operationId: operation.id, agentId: operation.agentId },
      operation.state,
      'The operation is not on its agent',
    );
  }
  forgetDeniedOperations(turn, framework);
}

/** What its agent does not have stays only for a framework that is to hear of it. */
export function forgetDeniedOperations(turn: Turn, framework: Framework): void {
  for (const operation of [...framework.operations.values()]) {
    const agent = turn.state.agents.get(operation.agentId);
    if (operation.denied && agent !== undefined) forget(agent, framework, operation);
  }
}

/** ACKNOWLEDGE_OPERATION_STATUS (S84): passed to the agent; of a terminal one the operation is forgotten. */
export function acknowledgeOperation(
  turn: Turn,
  framework: Framework,
  { agentId, operationId, uuid }: OperationAcknowledgement,
): void {
  const agent = turn.state.agents.get(agentId);
  const operation = [...framework.operations.values()].find(
    (one) => one.id === operationId && one.agentId === agentId && one.unacknowledged === uuid,
  );
  if (agent?.session === undefined || operation === undefined)
    return observe(turn, { kind: 'ignored', what: 'operationAcknowledgement' });
  operation.unacknowledged = undefined;
  if (isTerminalOperation(operation.state)) forget(agent, framework, operation);
  passOn(turn, agent, operation.uuid, uuid);
}

/** RECONCILE_OPERATIONS (S106, T57): every operation that is followed, or each one asked about. */
export function reconcileOperations(
  turn: Turn,
  framework: Framework,
  asked: readonly ReconciledOperation[],
): void {
  if (asked.length === 0) {
    for (const operation of framework.operations.values()) {
      if (operation.id !== undefined)
        answer(
          turn,
          framework,
          { operationId: operation.id, agentId: operation.agentId },
          stateOf(operation),
        );
    }
  }
  for (const one of asked) {
    const state = ladder(turn, framework, one);
    if (state !== undefined) answer(turn, framework, one, state);
  }
}

/** What a returning agent says of its operations; those that it does not mention it is asked about. */
export function mergeOperations(turn: Turn, agent: Agent, registration: AgentRegistration): void {
  const reported = new Set<string>();
  for (const one of registration.operations) {
    reported.add(one.uuid);
    const operation = agent.operations.get(one.uuid) ?? takeUp(turn, agent, one);
    operation.state = one.state;
    operation.denied = false;
  }
  const missing: Operation[] = [];
  for (const operation of [...agent.operations.values()]) {
    if (reported.has(operation.uuid)) continue;
    if (operation.id === undefined) agent.operations.delete(operation.uuid);
    else missing.push(operation);
  }
  if (missing.length === 0) return;
  const operations = missing.map((one) => ({
    frameworkId: one.frameworkId === undefined ? undefined : { value: one.frameworkId },
    operationUuid: { value: bytesOf(one.uuid) },
    operationId: one.id === undefined ? undefined : { value: one.id },
  }));
  order(turn, agent, { $case: 'reconcileOperations', value: { operations } });
}

/** The agent is out of contact or gone (S85): who follows its operations is told, and they come back with it. */
export function loseOperations(turn: Turn, agent: Agent, state: OperationState, message: string): void {
  for (const operation of agent.operations.values()) {
    if (operation.frameworkId === undefined || operation.id === undefined) continue;
    const framework = turn.state.frameworks.get(operation.frameworkId);
    if (framework === undefined) continue;
    framework.operations.delete(operation.uuid);
    answer(turn, framework, { operationId: operation.id, agentId: agent.id }, state, message);
  }
  agent.operations.clear();
}

function takeUp(turn: Turn, agent: Agent, reported: ReportedOperation): Operation {
  const operation: Operation = {
    ...reported,
    agentId: agent.id,
    toldState: undefined,
    unacknowledged: undefined,
    denied: false,
  };
  agent.operations.set(operation.uuid, operation);
  const framework =
    operation.frameworkId === undefined ? undefined : turn.state.frameworks.get(operation.frameworkId);
  if (operation.id !== undefined) framework?.operations.set(operation.uuid, operation);
  return operation;
}

/**
 * An agent that refuses what fitted the ledger has other resources than the ledger says. Its session ends: when it registers again its
 * own account replaces the ledger's.
 */
function move(turn: Turn, agent: Agent, operation: Operation, to: OperationState): void {
  if (operation.state === to || isTerminalOperation(operation.state)) return;
  operation.state = to;
  observe(turn, { kind: 'operation', operation });
  if ((to === 'OPERATION_ERROR' || to === 'OPERATION_FAILED') && agent.session !== undefined)
    turn.effects.push({ kind: 'endSession', session: agent.session });
}

function forget(agent: Agent, framework: Framework | undefined, operation: Operation): void {
  agent.operations.delete(operation.uuid);
  framework?.operations.delete(operation.uuid);
}

/** The first rung that holds; undefined while an agent may still bring the operation. */
function ladder(
  turn: Turn,
  framework: Framework,
  { operationId, agentId }: ReconciledOperation,
): OperationState | undefined {
  for (const operation of framework.operations.values())
    if (operation.id === operationId) return stateOf(operation);
  const agent = agentId === undefined ? undefined : turn.state.agents.get(agentId);
  switch (agent?.membership) {
    case 'recovered':
      return 'OPERATION_RECOVERING';
    case 'unreachable':
      return 'OPERATION_UNREACHABLE';
    default:
      return agentId !== undefined && turn.state.gone.has(agentId)
        ? 'OPERATION_GONE_BY_OPERATOR'
        : 'OPERATION_UNKNOWN';
  }
}

function stateOf(operation: Operation): OperationState {
  return operation.toldState ?? operation.state;
}

function answer(
  turn: Turn,
  framework: Framework,
  { operationId, agentId }: ReconciledOperation,
  state: OperationState,
  message = 'Reconciliation: Latest operation state',
): void {
  tell(turn, framework, {
    kind: 'madeOperationUpdate',
    status: { operationId, agentId, state, message },
  });
}

function passOn(turn: Turn, agent: Agent, operationUuid: string, statusUuid: string): void {
  order(turn, agent, {
    $case: 'acknowledgeOperation',
    value: { operationUuid: { value: bytesOf(operationUuid) }, statusUuid: { value: bytesOf(statusUuid) } },
  });
}
