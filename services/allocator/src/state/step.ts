// The allocator, without the world. See state.ts for what it owns and for its invariants.

import { assertNever, type Instant } from '@meseta/model';
import { proposeInverse } from './maintenance/propose-inverse';
import {
  stepAgentActivated,
  stepAgentChanged,
  stepAgentRemoved,
  stepConverted,
  stepHomeChanged,
  stepTotalChanged,
  stepUnavailabilityChanged,
  stepWhitelistChanged,
} from './step-agents';
import {
  stepAccepted,
  stepDemanded,
  stepFrameworkChanged,
  stepFrameworkRemoved,
  stepRecovered,
  stepRevived,
  stepSuppressed,
} from './step-frameworks';
import type { Command } from './command';
import type { Effect } from './effect';
import { hold } from './holdings';
import type { AllocatorState } from './state';
import { allocate } from './turn';
import { settleWanting } from './wanting';

/** Applies one command. Deterministic; only `allocate` has effects. */
export function step(state: AllocatorState, command: Command, now: Instant): readonly Effect[] {
  switch (command.kind) {
    // No default: a new command does not compile until it is placed.
    case 'agentChanged':
      stepAgentChanged(state, command.agent);
      return [];
    case 'agentActivated':
      stepAgentActivated(state, command);
      return [];
    case 'agentRemoved':
      stepAgentRemoved(state, command.agentId);
      return [];
    case 'totalChanged':
      stepTotalChanged(state, command.agentId, command.total);
      return [];
    case 'converted':
      stepConverted(state, command);
      return [];
    case 'unavailabilityChanged':
      stepUnavailabilityChanged(state, command.agentId, command.unavailability);
      return [];
    case 'inverseOfferAnswered': {
      const agent = state.agents.find(command.agentId);
      if (agent !== undefined)
        state.inverseOffers.answered(
          agent,
          command.frameworkId,
          now + Math.max(state.options.allocationIntervalMs, command.refuseMs),
        );
      return [];
    }
    case 'frameworkChanged':
      stepFrameworkChanged(state, command.framework);
      return [];
    case 'frameworkRemoved':
      stepFrameworkRemoved(state, command.frameworkId);
      return [];
    case 'recovered':
      stepRecovered(state, command, now);
      return [];
    case 'allocated': {
      const agent = state.agents.find(command.agentId);
      const seat = state.seats.take(command.frameworkId, command.role);
      if (agent !== undefined)
        hold(state, agent, seat, state.lots.of(command.resources), command.offers ?? 0);
      return [];
    }
    case 'accepted':
      stepAccepted(state, command);
      return [];
    case 'suppressed':
      stepSuppressed(state, command.frameworkId, command.roles);
      return [];
    case 'revived':
      stepRevived(state, command.frameworkId, command.roles);
      return [];
    case 'demanded':
      stepDemanded(state, command);
      return [];
    case 'weightChanged':
      state.shares.setWeight(command.role, command.weight);
      state.agents.markEvery();
      return [];
    case 'quotaChanged':
      state.quotas.set(command.quota);
      state.agents.markEvery();
      return [];
    case 'clusterChanged':
      stepHomeChanged(state, command.region);
      state.hold.expect(command.expectedAgents, command.electedAtMs + state.options.recoveryTimeoutMs);
      return [];
    case 'whitelistChanged':
      stepWhitelistChanged(state, command.hostnames);
      return [];
    case 'allocate':
      return stepAllocate(state, command.everyAgent, command.seed, now);
    default:
      return assertNever(command);
  }
}

/** Whether the next `allocate` has anything to look at. */
export function hasWork(state: AllocatorState): boolean {
  return state.agents.hasDirty || state.inverseOffers.isDirty;
}

/** When a filter ends next, if any does: the moment to allocate again. */
export function nextDeadline(state: AllocatorState, now: Instant): Instant | undefined {
  const ends = [
    state.refusals.filters.nextEndMs,
    state.inverseOffers.nextAfter(now),
    isHeld(state, now) ? state.hold.untilMs : undefined,
  ].filter((at) => at !== undefined);
  return ends.length === 0 ? undefined : (Math.min(...ends) as Instant);
}

/** Whether offers wait until agents are back after a fail-over (A4). */
export function isHeld(state: AllocatorState, now: Instant): boolean {
  const { options, agents, quotas, hold: waiting } = state;
  return waiting.isOn(agents.size, options.recoveryFactor, quotas.any, now);
}

function stepAllocate(
  state: AllocatorState,
  everyAgent: boolean,
  seed: number,
  now: Instant,
): readonly Effect[] {
  const { agents, seats, refusals } = state;
  refusals.expire(now, agents, seats, (agent) => agents.mark(agent));
  settleWanting(state);
  if (isHeld(state, now)) return [];
  state.hold.end();
  const effects: Effect[] = [];
  const proposals = allocate(state, everyAgent, seed);
  if (proposals.length > 0) effects.push({ kind: 'propose', proposals });
  const inverse = proposeInverse(state, now);
  if (inverse.length > 0) effects.push({ kind: 'proposeInverse', proposals: inverse });
  return effects;
}
