import { scheduler, taskStateToProto, type MasterInfo } from '@meseta/protocol';
import type { FrameworkEvent } from '../state/effect';
import { inverseOfferToProto, offerToProto } from './offers';
import { madeOperationStatusToProto } from './operations';
import { operationStatusIn, type Dialect } from './resources';
import { madeStatusToProto } from './tasks';

const { Event_Type: Type } = scheduler;

/** What every event may need to know besides itself. */
export interface EventContext {
  readonly masterInfo: MasterInfo;
  readonly heartbeatIntervalSeconds: number;
  readonly dialect: Dialect;
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
          offers: event.offers.map(({ offer, agent }) => offerToProto(offer, agent, context.dialect)),
        },
      };
    case 'rescind':
      return { type: Type.RESCIND, rescind: { offerId: { value: event.offerId } } };
    case 'inverseOffers':
      return {
        type: Type.INVERSE_OFFERS,
        inverseOffers: {
          inverseOffers: event.offers.map(({ offer, agent }) => inverseOfferToProto(offer, agent)),
        },
      };
    case 'rescindInverse':
      return {
        type: Type.RESCIND_INVERSE_OFFER,
        rescindInverseOffer: { inverseOfferId: { value: event.offerId } },
      };
    case 'update':
      return {
        type: Type.UPDATE,
        update: { status: { ...event.status, state: taskStateToProto(event.shownState) } },
      };
    case 'madeUpdate':
      return { type: Type.UPDATE, update: { status: madeStatusToProto(event.status) } };
    case 'operationUpdate':
      return {
        type: Type.UPDATE_OPERATION_STATUS,
        updateOperationStatus: { status: operationStatusIn(event.status, context.dialect) },
      };
    case 'madeOperationUpdate':
      return {
        type: Type.UPDATE_OPERATION_STATUS,
        updateOperationStatus: { status: madeOperationStatusToProto(event.status) },
      };
    case 'message':
      return {
        type: Type.MESSAGE,
        message: {
          agentId: { value: event.agentId },
          executorId: { value: event.executorId },
          data: Buffer.from(event.data),
        },
      };
    case 'executorFailure':
      return {
        type: Type.FAILURE,
        failure: {
          agentId: { value: event.agentId },
          executorId: { value: event.executorId },
          status: event.status,
        },
      };
    case 'agentFailure':
      return { type: Type.FAILURE, failure: { agentId: { value: event.agentId } } };
    case 'error':
      return { type: Type.ERROR, error: { message: event.message } };
  }
}
