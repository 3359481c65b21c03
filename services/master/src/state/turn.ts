import type { Failure, Instant } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { CallId } from './command';
import type { AllocationChange, Effect, FrameworkEvent, Observation, OperatorEvent } from './effect';
import type { Agent, Framework, MasterState, Task } from './state';

/** One step: the state it changes, the moment it happens, and what it asks of the world. */
export interface Turn {
  readonly state: MasterState;
  readonly now: Instant;
  readonly effects: Effect[];
}

export function commit(turn: Turn, operation: NonNullable<internal.RegistryOperation['operation']>): void {
  turn.effects.push({ kind: 'commit', operation: { operation } });
}

export function reply(turn: Turn, call: CallId, result?: Failure | Task | Framework): void {
  turn.effects.push({ kind: 'reply', call, result });
}

/** Tells a framework, if it listens. What it misses it asks for when it is back. */
export function tell(turn: Turn, framework: Framework, event: FrameworkEvent): void {
  if (framework.stream !== undefined) turn.effects.push({ kind: 'event', stream: framework.stream, event });
}

/** Orders an agent, if it is connected. */
export function order(
  turn: Turn,
  agent: Agent,
  message: NonNullable<internal.MasterMessage['message']>,
): void {
  if (agent.session !== undefined)
    turn.effects.push({ kind: 'toAgent', session: agent.session, message: { message } });
}

/** Tells the allocator, and returns the number of the change. */
export function tellAllocator(turn: Turn, change: AllocationChange, snapshot = false): number {
  const version = ++turn.state.allocationVersion;
  turn.effects.push({ kind: 'allocation', version, snapshot, change });
  return version;
}

export function tellOperators(turn: Turn, event: OperatorEvent): void {
  turn.effects.push({ kind: 'operator', event });
}

export function observe(turn: Turn, observation: Observation): void {
  turn.effects.push({ kind: 'seen', observation });
}
