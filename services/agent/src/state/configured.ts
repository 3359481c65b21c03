import { type Resources } from '@meseta/model';
import type { Resource } from '@meseta/model';
import type { Effect } from './effect';
import type { AgentState } from './state';

/**
 * The configuration says what the agent has. What operations made of it before is made of it again (G11): where it has become less than
 * what is reserved of it, the agent must not go on as if nothing had happened.
 */
export function stepConfigured(
  state: AgentState,
  configured: Resources,
  gpus: readonly string[] | undefined,
): Effect[] {
  state.gpus = gpus;
  const changed = state.resources.filter(isChanged);
  const taken = changed.map(asConfigured);
  if (!configured.contains(taken)) {
    const message =
      `the configured resources ${configured.toString()} do not hold ${taken.toString()}, ` +
      'of which reservations and volumes were made: configure them as before, or start with an empty work directory (--resources, --work-dir)';
    return [{ kind: 'stop', message }];
  }
  state.resources = configured.subtract(taken).add(changed);
  return [{ kind: 'saveAgent' }];
}

/** A resource estimator has changed its mind. */
export function stepEstimated(state: AgentState, oversubscribed: Resources): Effect[] {
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
