import { randomUUID } from 'node:crypto';
import { FailureError, toServiceError, unaryHandler } from '@meseta/kit';
import { failure, offerId, operationId } from '@meseta/model';
import type { SchedulerServiceServer } from '@meseta/protocol';
import type { CallId, Caller, Command } from '../state/command';
import { notLeader, termOf, type Leading } from './leading';
import {
  acceptOf,
  acknowledgementOf,
  agentIfNamed,
  descriptionOf,
  executorNamed,
  frameworkOf,
  graceMsOf,
  messageOf,
  operationAcknowledgementOf,
  refuseMsOf,
  taskOf,
} from './read';

interface FrameworkCall {
  readonly frameworkId?: { readonly value?: string | undefined } | undefined;
  readonly streamId: string;
}

/** The SchedulerService: each call becomes one command, and is answered when that command is done and durable. */
export function schedulerHandlers(leading: Leading): SchedulerServiceServer {
  /** A unary call that becomes a command of a framework. `read` throws what cannot be read. */
  const call = <Req extends FrameworkCall>(read: (request: Req) => CommandBody) =>
    unaryHandler(async (request: Req) => {
      const term = termOf(leading);
      const body = read(request);
      const frameworkId = frameworkOf(request.frameworkId);
      await term.replies.ask((id: CallId) =>
        term.submit({ ...body, call: id, frameworkId, stream: request.streamId }),
      );
      return {};
    });

  return {
    subscribe: (stream) => {
      const { term } = leading;
      if (term === undefined) return void stream.emit('error', toServiceError(notLeader(leading)));
      const info = stream.request.subscribe?.frameworkInfo;
      if (info === undefined) {
        return void stream.emit(
          'error',
          toServiceError(
            failure('invalid', 'subscribe.framework_info must be set', { field: 'subscribe.framework_info' }),
          ),
        );
      }
      term.subscribe(stream, descriptionOf(info), stream.request.subscribe?.suppressedRoles ?? []);
    },
    accept: call(({ accepts }) => ({
      kind: 'accept',
      accepts: accepts.map((one) => acceptOf(one, newUuid)),
    })),
    decline: call(({ declines }) => ({
      kind: 'decline',
      declines: declines.map((one) => ({
        offerIds: one.offerIds.map((id) => offerId(id.value ?? '')),
        refuseMs: refuseMsOf(one.filters),
      })),
    })),
    revive: call(({ revive }) => ({ kind: 'revive', roles: revive?.roles ?? [] })),
    suppress: call(({ suppress }) => ({ kind: 'suppress', roles: suppress?.roles ?? [] })),
    kill: call(({ kills }) => ({
      kind: 'kill',
      kills: kills.map((one) => ({
        taskId: taskOf(one.taskId),
        agentId: agentIfNamed(one.agentId),
        graceMs: graceMsOf(one.killPolicy),
      })),
    })),
    acknowledge: call(({ acknowledgements }) => ({
      kind: 'acknowledge',
      acknowledgements: acknowledgements.map(acknowledgementOf),
    })),
    reconcile: call(({ reconcile }) => ({
      kind: 'reconcile',
      tasks: (reconcile?.tasks ?? []).map((one) => ({
        taskId: taskOf(one.taskId),
        agentId: agentIfNamed(one.agentId),
      })),
    })),
    updateFramework: call(({ updateFramework }) => {
      const info = updateFramework?.frameworkInfo;
      if (info === undefined)
        throw new FailureError(
          failure('invalid', 'update_framework.framework_info must be set', {
            field: 'update_framework.framework_info',
          }),
        );
      return {
        kind: 'updateFramework',
        framework: descriptionOf(info),
        suppressedRoles: updateFramework?.suppressedRoles ?? [],
      };
    }),
    teardown: call(() => ({ kind: 'teardown' })),
    acknowledgeOperationStatus: call(({ acknowledgements }) => ({
      kind: 'acknowledgeOperations',
      acknowledgements: acknowledgements.map(operationAcknowledgementOf),
    })),
    reconcileOperations: call(({ reconcileOperations }) => ({
      kind: 'reconcileOperations',
      operations: (reconcileOperations?.operations ?? []).map((one) => ({
        operationId: operationId(one.operationId?.value ?? ''),
        agentId: agentIfNamed(one.agentId),
      })),
    })),
    message: call(({ messages }) => ({ kind: 'message', messages: messages.map(messageOf) })),
    shutdown: call(({ shutdowns }) => ({ kind: 'shutdown', shutdowns: shutdowns.map(executorNamed) })),
    // Taken, and without effect yet: hints (S66), and answers to inverse offers, of which none are made.
    request: call(() => ({ kind: 'noted' })),
    acceptInverseOffers: call(() => ({ kind: 'noted' })),
    declineInverseOffers: call(() => ({ kind: 'noted' })),
  };
}

const newUuid = (): string => randomUUID().replaceAll('-', '');

type WithoutCaller<C> = C extends Caller ? Omit<C, keyof Caller> : never;
/** What a framework's command is without who calls. */
type CommandBody = WithoutCaller<Command>;
