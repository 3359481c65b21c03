import { scheduler, taskStateToProto, type MasterInfo } from '@meseta/protocol';
import type { FrameworkEvent } from '../state/effect';
import { offerToProto } from './offers';
import { madeStatusToProto } from './tasks';

const { Event_Type: Type } = scheduler;

/** What every event may need to know besides itself. */
export interface EventContext {
  readonly masterInfo: MasterInfo;
  readonly heartbeatIntervalSeconds: number;
  readonly multiRole: boolean;
}

/** An event as the framework reads it. */
export function eventToProto(event: FrameworkEvent, context: EventContext): scheduler.Event {
  switch (event.kind) {
    case 'subscribed':
      return {
        type: Type.SUBSCRIBED,
        subscribed: {
          frameworkId: { value: event.frameworkId },
          heartbeatIntervalSeconds: context.heartbeatIntervalSeconds,
          masterInfo: context.masterInfo,
        },
      };
    case 'heartbeat':
      return { type: Type.HEARTBEAT };
    case 'offers':
      return {
        type: Type.OFFERS,
        offers: {
          offers: event.offers.map(({ offer, agent }) => offerToProto(offer, agent, context.multiRole)),
        },
      };
    case 'rescind':
      return { type: Type.RESCIND, rescind: { offerId: { value: event.offerId } } };
    case 'update':
      return {
        type: Type.UPDATE,
        update: { status: { ...event.status, state: taskStateToProto(event.shownState) } },
      };
    case 'madeUpdate':
      return { type: Type.UPDATE, update: { status: madeStatusToProto(event.status) } };
    case 'agentFailure':
      return { type: Type.FAILURE, failure: { agentId: { value: event.agentId } } };
    case 'error':
      return { type: Type.ERROR, error: { message: event.message } };
  }
}
