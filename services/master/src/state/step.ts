// The master, without the world. See state.ts for what it owns and for its invariants.

import { assertNever, failure, isFailure, type Instant } from '@meseta/model';
import { accept } from './accept';
import {
  describeAgent,
  stepAgentDeadline,
  stepAgentRegister,
  stepAgentResources,
  stepAgentSessionEnded,
  stepAgentUnregister,
  stepPong,
} from './agents';
import type { Caller, Command } from './command';
import { stepDeactivateAgent, stepReactivateAgent } from './deactivation';
import { settleDrains, stepDrainAgent } from './draining';
import type { Effect } from './effect';
import { sendToExecutor, shutdownExecutor, stepExecutorEnded, stepExecutorMessage } from './executors';
import {
  callerOf,
  describe,
  removeFramework,
  setSuppressed,
  stepFrameworkFailover,
  stepHeartbeat,
  stepStreamEnded,
  stepSubscribe,
  updateFramework,
} from './frameworks';
import { request } from './demands';
import { stepMarkAgentGone } from './gone';
import { answerInverseOffers, stepInverseOfferTimeout, stepInverseProposals } from './inverse-offers';
import { kill } from './kill';
import { stepStartMaintenance, stepStopMaintenance, stepUpdateSchedule } from './maintenance';
import { decline, stepOfferTimeout, stepProposals } from './offers';
import { acknowledgeOperation, reconcileOperations, stepOperationUpdate } from './operation-updates';
import { stepUpdateQuota } from './quota';
import { stepOperateAgent } from './operator-operations';
import { reconcile } from './reconcile';
import type { Framework, MasterState } from './state';
import { acknowledge, stepStatusUpdate } from './statuses';
import { reply, tellAllocator, type Turn } from './turn';
import { stepUpdateWeights } from './weights';

/** Applies one command and says what should be done about it. */
export function step(state: MasterState, command: Command, now: Instant): readonly Effect[] {
  const turn: Turn = { state, now, effects: [] };
  stepCommand(turn, command);
  if (state.draining.size > 0) settleDrains(turn);
  return turn.effects;
}

/** When `tick` should be given next; undefined when nothing will come due. */
export function nextDeadline(state: MasterState): Instant | undefined {
  return state.deadlines.next;
}

function stepCommand(turn: Turn, command: Command): void {
  switch (command.kind) {
    // No default: a new command does not compile until it is placed.
    case 'subscribe':
      return stepSubscribe(turn, command);
    case 'streamEnded':
      return stepStreamEnded(turn, command.stream);
    case 'accept':
      return forCaller(turn, command, (framework) =>
        command.accepts.forEach((one) => accept(turn, framework, one)),
      );
    case 'decline':
      return forCaller(turn, command, (framework) =>
        command.declines.forEach((one) => decline(turn, framework, one)),
      );
    case 'revive':
      return forCaller(turn, command, (framework) => setSuppressed(turn, framework, command.roles, false));
    case 'suppress':
      return forCaller(turn, command, (framework) => setSuppressed(turn, framework, command.roles, true));
    case 'kill':
      return forCaller(turn, command, (framework) =>
        command.kills.forEach((one) => kill(turn, framework, one)),
      );
    case 'acknowledge':
      return forCaller(turn, command, (framework) =>
        command.acknowledgements.forEach((one) => acknowledge(turn, framework, one)),
      );
    case 'reconcile':
      return forCaller(turn, command, (framework) => reconcile(turn, framework, command.tasks));
    case 'updateFramework':
      return forCaller(turn, command, (framework) =>
        updateFramework(turn, framework, command.framework, command.suppressedRoles),
      );
    case 'teardown':
      return forCaller(turn, command, (framework) => removeFramework(turn, framework, 'it was torn down'));
    case 'acknowledgeOperations':
      return forCaller(turn, command, (framework) =>
        command.acknowledgements.forEach((one) => acknowledgeOperation(turn, framework, one)),
      );
    case 'reconcileOperations':
      return forCaller(turn, command, (framework) =>
        reconcileOperations(turn, framework, command.operations),
      );
    case 'message':
      return forCaller(turn, command, (framework) =>
        command.messages.forEach((one) => sendToExecutor(turn, framework, one)),
      );
    case 'shutdown':
      return forCaller(turn, command, (framework) =>
        command.shutdowns.forEach((one) => shutdownExecutor(turn, framework, one)),
      );
    case 'request':
      return forCaller(turn, command, (framework) => request(turn, framework, command.wanted));
    case 'acceptInverse':
      return forCaller(turn, command, (framework) =>
        command.answers.forEach((one) => answerInverseOffers(turn, framework, one, 'ACCEPT')),
      );
    case 'declineInverse':
      return forCaller(turn, command, (framework) =>
        command.answers.forEach((one) => answerInverseOffers(turn, framework, one, 'DECLINE')),
      );
    case 'noted':
      return forCaller(turn, command, () => undefined);
    case 'operatorKill':
      return stepOperatorKill(turn, command);
    case 'updateQuota':
      return stepUpdateQuota(turn, command);
    case 'updateWeights':
      return stepUpdateWeights(turn, command);
    case 'drainAgent':
      return stepDrainAgent(turn, command);
    case 'deactivateAgent':
      return stepDeactivateAgent(turn, command);
    case 'reactivateAgent':
      return stepReactivateAgent(turn, command);
    case 'markAgentGone':
      return stepMarkAgentGone(turn, command);
    case 'updateSchedule':
      return stepUpdateSchedule(turn, command);
    case 'startMaintenance':
      return stepStartMaintenance(turn, command);
    case 'stopMaintenance':
      return stepStopMaintenance(turn, command);
    case 'operateAgent':
      return stepOperateAgent(turn, command);
    case 'operatorTeardown': {
      const framework = turn.state.frameworks.get(command.frameworkId);
      if (framework !== undefined) removeFramework(turn, framework, 'an operator tore it down');
      return reply(
        turn,
        command.call,
        framework ?? failure('notFound', `framework ${command.frameworkId} is not known`),
      );
    }
    case 'agentRegister':
      return stepAgentRegister(turn, command);
    case 'agentSessionEnded':
      return stepAgentSessionEnded(turn, command.session, command.agentId);
    case 'agentUnregister':
      return stepAgentUnregister(turn, command);
    case 'pong':
      return stepPong(turn, command);
    case 'statusUpdate':
      return stepStatusUpdate(turn, command);
    case 'operationUpdate':
      return stepOperationUpdate(turn, command);
    case 'executorMessage':
      return stepExecutorMessage(turn, command);
    case 'executorEnded':
      return stepExecutorEnded(turn, command);
    case 'agentResources':
      return stepAgentResources(turn, command);
    case 'allocatorConnected':
      return stepAllocatorConnected(turn);
    case 'proposals':
      return stepProposals(turn, command.version, command.proposals);
    case 'inverseProposals':
      return stepInverseProposals(turn, command.proposals);
    case 'tick':
      return stepTick(turn);
    default:
      return assertNever(command);
  }
}

/** Does what a subscribed framework asks and answers it. */
function forCaller(turn: Turn, caller: Caller, act: (framework: Framework) => unknown): void {
  const framework = callerOf(turn.state, caller);
  if (isFailure(framework)) return reply(turn, caller.call, framework);
  const result = act(framework);
  reply(turn, caller.call, isFailure(result) ? result : undefined);
}

function stepOperatorKill(turn: Turn, command: Extract<Command, { kind: 'operatorKill' }>): void {
  const framework = turn.state.frameworks.get(command.frameworkId);
  const task = framework?.tasks.get(command.taskId);
  if (framework === undefined || task === undefined) {
    return reply(
      turn,
      command.call,
      failure('notFound', `task ${command.taskId} of framework ${command.frameworkId} is not running`),
    );
  }
  kill(turn, framework, { taskId: task.id, agentId: undefined, graceMs: command.graceMs });
  reply(turn, command.call, task);
}

/** A new stream to the allocator starts with everything; proposals of an older one are stale. */
function stepAllocatorConnected(turn: Turn): void {
  const { state } = turn;
  tellAllocator(
    turn,
    {
      kind: 'clusterChanged',
      region: state.options.region ?? '',
      expectedAgents: state.agentsAtElection,
      electedAt: state.electedAt,
    },
    true,
  );
  for (const [role, weight] of state.weights)
    tellAllocator(turn, { kind: 'weightChanged', role, weight }, true);
  for (const quota of state.quotas.values()) tellAllocator(turn, { kind: 'quotaChanged', quota }, true);
  for (const framework of turn.state.frameworks.values()) describe(turn, framework, true);
  for (const agent of turn.state.agents.values()) {
    if (agent.membership === 'active' || agent.membership === 'disconnected')
      describeAgent(turn, agent, { snapshot: true });
  }
  tellAllocator(turn, { kind: 'snapshotEnd' });
}

function stepTick(turn: Turn): void {
  for (
    let due = turn.state.deadlines.takeDue(turn.now);
    due !== undefined;
    due = turn.state.deadlines.takeDue(turn.now)
  ) {
    const { at, deadline } = due;
    switch (deadline.kind) {
      case 'agent':
        stepAgentDeadline(turn, deadline.agentId, at);
        break;
      case 'frameworkFailover':
        stepFrameworkFailover(turn, deadline.frameworkId, at);
        break;
      case 'heartbeat':
        stepHeartbeat(turn, deadline.frameworkId, deadline.stream);
        break;
      case 'offer':
        stepOfferTimeout(turn, deadline.offerId);
        break;
      case 'inverseOffer':
        stepInverseOfferTimeout(turn, deadline.offerId);
        break;
    }
  }
}
