import {
  asMade,
  assert,
  conversionOf,
  failure,
  isFailure,
  reservedRole,
  type Conversion,
  type Failure,
  type ResourceOperation,
  type Resources,
} from '@meseta/model';
import { describeAgent } from './agents';
import type { Command } from './command';
import { freeOf } from './ledger';
import { rescind } from './offers';
import { convert, follow, rescindShared } from './operations';
import { unlisted } from './role-list';
import type { Agent } from './state';
import { reply, type Turn } from './turn';
import { validateOperatorOperation } from './validation/operation';

/** How long what was taken back for an operator is not offered to the same framework again (R32). Mesos's own. */
const refuseMs = 5000;

/**
 * An operator's RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME (R31, R32): of what is free, else of what is offered, whose offers are taken back. What
 * is used stays with who uses it.
 */
export function stepOperateAgent(turn: Turn, command: Extract<Command, { kind: 'operateAgent' }>): void {
  const { call, agentId } = command;
  const agent = turn.state.agents.get(agentId);
  if (agent === undefined)
    return reply(turn, call, failure('notFound', `agent ${agentId} is not known`, { field: 'agent_id' }));
  if (agent.session === undefined)
    return reply(turn, call, failure('conflict', `agent ${agentId} is not connected`));
  const operation = asMade(agent.total, command.operation);
  const conversion = conversionOf(operation);
  if (isFailure(conversion)) return reply(turn, call, conversion);
  const refused =
    unlisted(turn.state.options, rolesOf(operation)) ??
    validateOperatorOperation(operation, agent) ??
    notThere(agent, conversion);
  if (refused !== undefined) return reply(turn, call, refused);
  takeBackFor(turn, agent, conversion.consumed);
  if (operation.kind === 'destroy') rescindShared(turn, agent, operation.volumes);
  convert(agent, conversion);
  describeAgent(turn, agent);
  follow(turn, undefined, agent, {
    uuid: command.uuid,
    id: undefined,
    frameworkId: undefined,
    agentId,
    info: command.info,
    state: 'OPERATION_PENDING',
    toldState: undefined,
    unacknowledged: undefined,
    denied: false,
  });
  reply(turn, call);
}

/** The roles to which something is reserved by it. */
function rolesOf(operation: ResourceOperation): readonly string[] {
  if (operation.kind !== 'reserve') return [];
  return operation.resources.entries.flatMap((entry) => reservedRole(entry) ?? []);
}

/** Whether the agent has it at all, and nobody uses it. */
function notThere(agent: Agent, { consumed }: Conversion): Failure | undefined {
  const words = consumed.toString();
  if (!agent.total.contains(consumed))
    return failure('conflict', `agent ${agent.id} has no ${words}`, { field: 'resources' });
  if (agent.total.subtract(agent.used.nonShared()).contains(consumed)) return undefined;
  return failure('conflict', `${words} of agent ${agent.id} is used`, { field: 'resources' });
}

/** Takes back offers that hold what is wanted, one after another, until it is free. */
function takeBackFor(turn: Turn, agent: Agent, wanted: Resources): void {
  for (const offerId of [...agent.offers]) {
    const missing = wanted.subtract(freeOf(agent));
    if (missing.isEmpty) return;
    const offer = turn.state.offers.get(offerId);
    if (offer === undefined || missing.subtract(offer.resources).equals(missing)) continue;
    rescind(turn, offer, 'rescinded', refuseMs);
  }
  assert(freeOf(agent).contains(wanted), 'what is not used is free when nothing of it is offered');
}
