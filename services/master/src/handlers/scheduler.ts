import { randomUUID } from 'node:crypto';
import { toServiceError, unaryHandler } from '@meseta/kit';
import { failure } from '@meseta/model';
import type { SchedulerServiceServer } from '@meseta/protocol';
import type { CallId } from '../state/command';
import { notLeader, termOf, type Leading } from './leading';
import { descriptionOf, frameworkOf } from './read';
import { schedulerReaders, type CommandBody } from './scheduler-calls';

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
  const readers = schedulerReaders(() => randomUUID().replaceAll('-', ''));

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
      term.subscribe(
        stream,
        descriptionOf(info, stream.request.subscribe?.offerConstraints),
        stream.request.subscribe?.suppressedRoles ?? [],
      );
    },
    accept: call(readers.accept),
    decline: call(readers.decline),
    revive: call(readers.revive),
    suppress: call(readers.suppress),
    kill: call(readers.kill),
    acknowledge: call(readers.acknowledge),
    reconcile: call(readers.reconcile),
    updateFramework: call(readers.updateFramework),
    teardown: call(readers.teardown),
    acknowledgeOperationStatus: call(readers.acknowledgeOperationStatus),
    reconcileOperations: call(readers.reconcileOperations),
    message: call(readers.message),
    shutdown: call(readers.shutdown),
    request: call(readers.request),
    acceptInverseOffers: call(readers.acceptInverseOffers),
    declineInverseOffers: call(readers.declineInverseOffers),
  };
}
