import { EventEmitter } from 'node:events';
import type { Metadata, ServiceError } from '@grpc/grpc-js';
import { toServiceError } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import type { SchedulerServiceClient, SubscribeRequest, SubscribeResponse } from '@meseta/protocol';
import type { CallAnswered, CallAsked, SubscribeSaid, SubscribeTold } from '../simulator/master-node';
import type { End, Network, NodeId } from '../simulator/network';

/** What a client needs of the cluster that it talks to. */
export interface ClientWorld {
  readonly network: Network;
  /** Something was handed to the framework: its promises want to be followed. */
  readonly touched: () => void;
}

type Callback = (error: ServiceError | null, response: object) => void;

/** The calls of the scheduler's service, by their names. */
const callNames = [
  'accept',
  'decline',
  'acceptInverseOffers',
  'declineInverseOffers',
  'revive',
  'suppress',
  'kill',
  'shutdown',
  'acknowledge',
  'acknowledgeOperationStatus',
  'reconcile',
  'reconcileOperations',
  'message',
  'request',
  'updateFramework',
  'teardown',
] as const;

/** A client of the SchedulerService whose calls travel over the simulated network, for an SDK that does not know the difference. */
export function simulatedClient(world: ClientWorld, from: NodeId, address: string): SchedulerServiceClient {
  const master = address.split(':')[0] ?? address;
  const open = new Set<End<never, never>>();
  const client: Record<string, unknown> = {
    subscribe: (request: SubscribeRequest) => {
      const stream = new EventStream(world, from, master, request);
      open.add(stream.end);
      return stream;
    },
    close: () => {
      for (const end of open) end.close();
    },
  };
  for (const name of callNames)
    client[name] = (request: object, _metadata: Metadata, _options: object, callback: Callback) =>
      call(world, from, master, { name, request } as CallAsked, callback);
  return client as unknown as SchedulerServiceClient;
}

function call(
  world: ClientWorld,
  from: NodeId,
  master: NodeId,
  asked: CallAsked,
  callback: Callback,
): { cancel(): void } {
  const end = world.network.connect<CallAnswered, CallAsked>(from, master, 'call');
  const answer = (error: ServiceError | null): void => {
    end.close();
    callback(error, {});
    world.touched();
  };
  end.onMessage = (answered) => {
    if (answered.kind === 'done') answer(null);
    else answer(toServiceError(answered.kind === 'failed' ? answered.failure : notLeader(answered.leader)));
  };
  end.onEnd = (ending) => answer(toServiceError(failure('notLeader', `the connection was ${ending}`)));
  end.send(asked);
  return { cancel: () => end.close() };
}

/** The stream of events, as grpc-js shows it. */
class EventStream extends EventEmitter {
  readonly end: End<SubscribeTold, SubscribeSaid>;
  #held: SubscribeResponse[] = [];
  #paused = false;

  constructor(
    private readonly world: ClientWorld,
    from: NodeId,
    master: NodeId,
    request: SubscribeRequest,
  ) {
    super();
    this.end = world.network.connect<SubscribeTold, SubscribeSaid>(from, master, 'subscribe');
    this.end.send(request);
    this.end.onMessage = (told) => {
      if (told.kind === 'notLeader') this.#fail(notLeader(told.leader));
      else this.#deliver({ streamId: told.streamId, events: told.events });
    };
    this.end.onEnd = (ending) => {
      if (ending === 'closed') this.#tell('end');
      else this.#fail(failure('notLeader', `the connection was ${ending}`));
    };
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const message of this.#held.splice(0)) this.#deliver(message);
  }

  cancel(): void {
    this.end.close();
  }

  #deliver(message: SubscribeResponse): void {
    if (this.#paused) this.#held.push(message);
    else this.#tell('data', message);
  }

  #fail(why: Failure): void {
    this.#tell('error', toServiceError(why));
  }

  #tell(event: string, argument?: unknown): void {
    this.emit(event, argument);
    this.world.touched();
  }
}

/** A standby's answer names the leader, if it knows one. */
function notLeader(leader: NodeId | undefined): Failure {
  return failure(
    'notLeader',
    'this master does not lead',
    leader === undefined ? undefined : { leader: `${leader}:5060` },
  );
}
