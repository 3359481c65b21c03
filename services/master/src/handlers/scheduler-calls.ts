import { FailureError } from '@meseta/kit';
import { failure, offerId, operationId } from '@meseta/model';
import type {
  AcceptInverseOffersRequest,
  AcceptRequest,
  AcknowledgeOperationStatusRequest,
  AcknowledgeRequest,
  DeclineInverseOffersRequest,
  DeclineRequest,
  KillRequest,
  MessageRequest,
  ReconcileOperationsRequest,
  ReconcileRequest,
  RequestRequest,
  ReviveRequest,
  ShutdownRequest,
  SuppressRequest,
  TeardownRequest,
  UpdateFrameworkRequest,
} from '@meseta/protocol';
import type { Caller, Command } from '../state/command';
import {
  acceptOf,
  acknowledgementOf,
  agentIfNamed,
  demandsOf,
  descriptionOf,
  executorNamed,
  graceMsOf,
  inverseAnswerOf,
  messageOf,
  operationAcknowledgementOf,
  refuseMsOf,
  taskOf,
} from './read';

type WithoutCaller<C> = C extends Caller ? Omit<C, keyof Caller> : never;
/** What a framework's command is without who calls. */
export type CommandBody = WithoutCaller<Command>;

/** Every unary call of the SchedulerService with its argument. */
export interface SchedulerRequests {
  readonly accept: AcceptRequest;
  readonly decline: DeclineRequest;
  readonly revive: ReviveRequest;
  readonly suppress: SuppressRequest;
  readonly kill: KillRequest;
  readonly acknowledge: AcknowledgeRequest;
  readonly reconcile: ReconcileRequest;
  readonly updateFramework: UpdateFrameworkRequest;
  readonly teardown: TeardownRequest;
  readonly acknowledgeOperationStatus: AcknowledgeOperationStatusRequest;
  readonly reconcileOperations: ReconcileOperationsRequest;
  readonly message: MessageRequest;
  readonly shutdown: ShutdownRequest;
  readonly request: RequestRequest;
  readonly acceptInverseOffers: AcceptInverseOffersRequest;
  readonly declineInverseOffers: DeclineInverseOffersRequest;
}

/** One function for each call: what the core is told. It throws a `FailureError` for what cannot be read. */
export type SchedulerReaders = {
  readonly [Name in keyof SchedulerRequests]: (request: SchedulerRequests[Name]) => CommandBody;
};

/**
 * The calls of a framework as commands.
 *
 * @param newUuid 16 random bytes in hexadecimal, for each operation
 */
export function schedulerReaders(newUuid: () => string): SchedulerReaders {
  return {
    accept: ({ accepts }) => ({
      kind: 'accept',
      accepts: accepts.map((one) => acceptOf(one, newUuid)),
    }),
    decline: ({ declines }) => ({
      kind: 'decline',
      declines: declines.map((one) => ({
        offerIds: one.offerIds.map((id) => offerId(id.value ?? '')),
        refuseMs: refuseMsOf(one.filters),
      })),
    }),
    revive: ({ revive }) => ({ kind: 'revive', roles: revive?.roles ?? [] }),
    suppress: ({ suppress }) => ({ kind: 'suppress', roles: suppress?.roles ?? [] }),
    kill: ({ kills }) => ({
      kind: 'kill',
      kills: kills.map((one) => ({
        taskId: taskOf(one.taskId),
        agentId: agentIfNamed(one.agentId),
        graceMs: graceMsOf(one.killPolicy),
      })),
    }),
    acknowledge: ({ acknowledgements }) => ({
      kind: 'acknowledge',
      acknowledgements: acknowledgements.map(acknowledgementOf),
    }),
    reconcile: ({ reconcile }) => ({
      kind: 'reconcile',
      tasks: (reconcile?.tasks ?? []).map((one) => ({
        taskId: taskOf(one.taskId),
        agentId: agentIfNamed(one.agentId),
      })),
    }),
    updateFramework: ({ updateFramework }) => {
      const info = updateFramework?.frameworkInfo;
      if (info === undefined)
        throw new FailureError(
          failure('invalid', 'update_framework.framework_info must be set', {
            field: 'update_framework.framework_info',
          }),
        );
      return {
        kind: 'updateFramework',
        framework: descriptionOf(info, updateFramework?.offerConstraints),
        suppressedRoles: updateFramework?.suppressedRoles ?? [],
      };
    },
    teardown: () => ({ kind: 'teardown' }),
    acknowledgeOperationStatus: ({ acknowledgements }) => ({
      kind: 'acknowledgeOperations',
      acknowledgements: acknowledgements.map(operationAcknowledgementOf),
    }),
    reconcileOperations: ({ reconcileOperations }) => ({
      kind: 'reconcileOperations',
      operations: (reconcileOperations?.operations ?? []).map((one) => ({
        operationId: operationId(one.operationId?.value ?? ''),
        agentId: agentIfNamed(one.agentId),
      })),
    }),
    message: ({ messages }) => ({ kind: 'message', messages: messages.map(messageOf) }),
    shutdown: ({ shutdowns }) => ({ kind: 'shutdown', shutdowns: shutdowns.map(executorNamed) }),
    // The v1 form of a request is a hint without effect (S66), as in Mesos.
    request: ({ requests, demands }) =>
      requests.length > 0 ? { kind: 'noted' } : { kind: 'request', wanted: demandsOf(demands) },
    acceptInverseOffers: ({ accepts }) => ({ kind: 'acceptInverse', answers: accepts.map(inverseAnswerOf) }),
    declineInverseOffers: ({ declines }) => ({
      kind: 'declineInverse',
      answers: declines.map(inverseAnswerOf),
    }),
  };
}
