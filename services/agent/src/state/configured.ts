import { Resources, type Resource } from '@meseta/model';
import type { Command } from './command';
import type { Effect } from './effect';
import { reconfigurationRefusal } from './reconfiguration';
import { stepUnregister } from './recovery';
import type { AgentState } from './state';

/**
 * The configuration says what the agent has. What operations made of it before is made of it again (G11): where it has become less than
 * what is reserved of it, the agent must not go on as if nothing had happened.
 */
export function stepConfigured(state: AgentState, command: Command & { kind: 'configured' }): Effect[] {
  const { resources: configured, gpus, identity, policy = 'any', rebooted = false } = command;
  state.gpus = gpus;
  const now = identity === undefined ? undefined : { ...identity, resources: configured };
  const before = state.agentId === undefined ? undefined : state.configuration;
  const refusal =
    before === undefined || now === undefined ? undefined : reconfigurationRefusal(policy, before, now);
  const left: Effect[] = [];
  if (refusal !== undefined && !rebooted) {
    const message =
      `the agent may not come back as another (--reconfiguration-policy=${policy}): ${refusal}; ` +
      'configure it as before, allow it, or start with an empty work directory';
    return [{ kind: 'stop', message }];
  }
  if (refusal !== undefined) {
    // Nothing of it runs any more, so it may as well be a new one (G9).
    left.push(...stepUnregister(state, refusal));
    state.resources = Resources.empty;
    state.resourcesChanged = false;
  }
  state.configuration = now;
  const changed = state.resources.filter(isChanged);
  const taken = changed.map(asConfigured);
  if (!configured.contains(taken)) {
    const message =
      `the configured resources ${configured.toString()} do not hold ${taken.toString()}, ` +
      'of which reservations and volumes were made: configure them as before, or start with an empty work directory (--resources, --work-dir)';
    return [{ kind: 'stop', message }];
  }
  state.resources = configured.subtract(taken).add(changed);
  return [...left, { kind: 'saveAgent' }];
}

/** A resource estimator has changed its mind. What no agent may lend, as gpus (R62), leaves things as they are. */
export function stepEstimated(state: AgentState, oversubscribed: Resources): Effect[] {
  const refused = Resources.validate(oversubscribed.entries);
  if (refused !== undefined) {
    const message = `what the resource estimator says is left out: ${refused.message} (--resource-estimator)`;
    return [{ kind: 'note', level: 'warn', message }];
  }
  if (state.oversubscribed.equals(oversubscribed)) return [];
  state.oversubscribed = oversubscribed;
  return state.session?.registered === true ? [{ kind: 'resourcesChanged' }] : [];
}

function isChanged({ disk, reservations }: Resource): boolean {
  return disk?.persistence !== undefined || reservations.some(({ type }) => type === 'DYNAMIC');
}

/** What an entry was before operations: dynamic reservations follow the static ones. */
function asConfigured({ disk, reservations, shared: _, ...rest }: Resource): Resource {
  return {
    ...rest,
    reservations: reservations.filter(({ type }) => type === 'STATIC'),
    ...(disk?.source !== undefined && { disk: { source: disk.source } }),
  };
}
