import {
  asMade,
  assert,
  conversionOf,
  isFailure,
  Resources,
  unallocated,
  type Conversion,
  type OperationState,
} from '@meseta/model';
import type { Acceptance } from './accept';
import { bytesOf } from './bytes';
import type { OfferOperation } from './command';
import { rescind } from './offers';
import type { Agent, Framework, Operation } from './state';
import { observe, order, tell, type Turn } from './turn';
import { validateOperation } from './validation/operation';

/**
 * An operation that changes what resources are (S73 – S78): done in the ledger at once, so that the operations after it in the same ACCEPT
 * can use the result, and ordered from the agent, which does the same. What a volume has become by growing or shrinking is offered anew.
 */
export function changeResources(
  acceptance: Acceptance,
  wanted: Extract<OfferOperation, { kind: 'resources' }>,
): void {
  const { turn, framework, agent, offer, pool } = acceptance;
  const drop = (why: string): void => dropOperation(turn, framework, wanted, 'OPERATION_ERROR', why);
  if (isFailure(wanted.operation)) return drop(wanted.operation.message);
  const refused = validateOperation(wanted.operation, {
    framework,
    agent,
    role: offer.role,
    pool,
    followed: wanted.id !== undefined,
  });
  if (refused !== undefined) return drop(refused.message);
  const operation = asMade(agent.total, unallocated(wanted.operation));
  const conversion = conversionOf(operation);
  assert(!isFailure(conversion), 'an operation that breaks a rule was refused');
  const resizes = operation.kind === 'growVolume' || operation.kind === 'shrinkVolume';
  const left = pool.subtract(conversion.consumed);
  acceptance.pool = resizes ? left : left.add(conversion.converted);
  acceptance.reshaped = true;
  convert(agent, conversion);
  if (operation.kind === 'destroy') {
    acceptance.pool = withoutShared(acceptance.pool, operation.volumes);
    rescindShared(turn, agent, operation.volumes);
  }
  follow(turn, framework, agent, {
    uuid: wanted.uuid,
    id: wanted.id,
    frameworkId: framework.id,
    agentId: agent.id,
    info: wanted.info,
    state: 'OPERATION_PENDING',
    toldState: undefined,
    unacknowledged: undefined,
    denied: false,
  });
}

/** Changes what an agent's resources are. */
export function convert(agent: Agent, { consumed, converted }: Conversion): void {
  agent.total = agent.total.subtract(consumed).add(converted);
}

/** Orders an operation from its agent, and remembers it until it is done and, if its framework follows it, acknowledged. */
export function follow(
  turn: Turn,
  framework: Framework | undefined,
  agent: Agent,
  operation: Operation,
): void {
  agent.operations.set(operation.uuid, operation);
  if (operation.id !== undefined) framework?.operations.set(operation.uuid, operation);
  order(turn, agent, {
    $case: 'applyOperation',
    value: {
      frameworkId: operation.frameworkId === undefined ? undefined : { value: operation.frameworkId },
      operation: operation.info,
      operationUuid: { value: bytesOf(operation.uuid) },
      acknowledged: operation.id !== undefined,
    },
  });
  observe(turn, { kind: 'operation', operation });
}

/** An operation that is not done: who follows it is told. */
export function dropOperation(
  turn: Turn,
  framework: Framework,
  { id, info }: Extract<OfferOperation, { kind: 'resources' }>,
  state: OperationState,
  why: string,
): void {
  observe(turn, { kind: 'operationDropped', framework, type: info.type ?? '', why });
  if (id === undefined) return;
  tell(turn, framework, {
    kind: 'madeOperationUpdate',
    status: { operationId: id, state, agentId: undefined, message: why },
  });
}

/** Shared volumes that are destroyed may be in the offers of others: those with any of them are void (R48). */
export function rescindShared(turn: Turn, agent: Agent, volumes: Resources): void {
  const shared = volumes.shared();
  if (shared.isEmpty) return;
  for (const offerId of [...agent.offers]) {
    const offer = turn.state.offers.get(offerId);
    if (
      offer !== undefined &&
      offer.resources.entries.some((entry) => shared.contains(Resources.of([entry])))
    )
      rescind(turn, offer);
  }
}

/** Of a shared volume each of the accepted offers may hold a copy; with it all of them are gone. */
function withoutShared(pool: Resources, volumes: Resources): Resources {
  const shared = volumes.shared();
  return shared.isEmpty ? pool : pool.filter((entry) => !shared.contains(Resources.of([entry])));
}
