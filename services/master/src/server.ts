import { randomUUID } from 'node:crypto';
import { hostname as systemHostname } from 'node:os';
import {
  startGrpcServer,
  startHttpServer,
  systemClock,
  systemTimers,
  version,
  type Clock,
  type FailureError,
  type GrpcServer,
  type HttpServer,
  type Logger,
  type Timers,
  type Tracing,
} from '@meseta/kit';
import {
  MasterInfo_Capability_Type,
  OperatorServiceService,
  SchedulerServiceService,
  domainToProto,
  internal,
  type MasterInfo,
} from '@meseta/protocol';
import { domainOf, type MasterConfig } from './config';
import { ordersQueuedMax } from './effects/agent-sessions';
import { changesQueuedMax } from './effects/allocator-link';
import { eventsQueuedMax } from './effects/framework-streams';
import { eventsUnreadMax } from './effects/operator-events';
import { forgetState } from './effects/gauges';
import { CommitTraces } from './effects/commit-traces';
import { RegistryClient } from './effects/registry-client';
import { agentGatewayHandlers } from './handlers/agent-gateway';
import type { Leading } from './handlers/leading';
import { operatorHandlers } from './handlers/operator';
import { schedulerHandlers } from './handlers/scheduler';
import { Leader } from './leader';
import { commandsQueuedMax } from './loop';
import { createMasterMetrics } from './metrics';
import type { QueueName } from './term';

const queueBounds: Readonly<Record<QueueName, number>> = {
  commands: commandsQueuedMax,
  agent_orders: ordersQueuedMax,
  framework_events: eventsQueuedMax,
  allocation_changes: changesQueuedMax,
  operator_events: eventsUnreadMax,
};

/** The world of one master. */
export interface MasterDeps {
  readonly config: MasterConfig;
  readonly log: Logger;
  readonly tracing: Tracing;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: () => number;
  /** This master cannot go on: its process is to end. */
  readonly onFatal?: (error: FailureError) => void;
}

/** A master that runs, leading or standing by. */
export interface MasterServer {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** Whether it leads and serves now. */
  readonly leading: boolean;
  close(): Promise<void>;
}

/** Starts a master: it listens at once, stands for leadership, and answers as a standby until it is elected. */
export async function createMasterServer(deps: MasterDeps): Promise<MasterServer> {
  const { config, log, tracing } = deps;
  const clock = deps.clock ?? systemClock;
  const timers = deps.timers ?? systemTimers;
  const random = deps.random ?? Math.random;
  const metrics = createMasterMetrics();
  const masterId = randomUUID();
  const hostname = config.hostname ?? systemHostname();
  const identity = { masterInfo: undefined as MasterInfo | undefined };
  // The handlers need the leader, and the leader needs the addresses that listening gives.
  const holder: { leader: Leader | undefined } = { leader: undefined };
  const leading: Leading = {
    get term() {
      return holder.leader?.term;
    },
    get leader() {
      return holder.leader?.leader;
    },
    get recovering() {
      return holder.leader?.recovering ?? false;
    },
  };
  const startedAtMs = clock.now();
  let grpc: GrpcServer | undefined;
  let http: HttpServer | undefined;
  metrics.onCollect(() => {
    const term = holder.leader?.term;
    if (term === undefined) forgetState(metrics);
    else term.observe();
  });
  for (const [queue, itemsMax] of Object.entries(queueBounds) as [QueueName, number][])
    metrics.queues.watch(queue, itemsMax, () => holder.leader?.term?.queued[queue] ?? 0);
  metrics.spans.watch(tracing);
  metrics.elected.set(0);
  try {
    http = await startHttpServer({
      ...config,
      port: config.httpPort,
      service: 'master',
      version,
      metrics: metrics.registry,
      ready: () => (holder.leader?.knowsLeader === true ? true : 'no leader is known yet'),
      log,
    });
    grpc = await startGrpcServer({
      ...config,
      log,
      services: [
        {
          definition: metrics.streams.counted(SchedulerServiceService),
          implementation: schedulerHandlers(leading),
          fullName: 'meseta.v1.SchedulerService',
        },
        {
          definition: metrics.streams.counted(OperatorServiceService),
          implementation: operatorHandlers(leading, {
            get masterInfo() {
              return identity.masterInfo ?? { capabilities: [] };
            },
            cluster: config.cluster,
            startedAtMs,
          }),
          fullName: 'meseta.v1.OperatorService',
        },
        {
          definition: metrics.streams.counted(internal.AgentGatewayService),
          implementation: agentGatewayHandlers(leading, log),
          fullName: 'meseta.internal.v1.AgentGateway',
        },
      ],
    });
  } catch (error) {
    await http?.close();
    throw error;
  }
  const grpcAddress = config.advertise ?? grpc.address;
  const place = domainOf(config);
  const domain = place === undefined ? undefined : domainToProto(place);
  identity.masterInfo = { ...masterInfoOf(masterId, hostname, http.address), domain };
  const registry = new RegistryClient(config.registry, random, timers, new CommitTraces(tracing, clock));
  const leader = new Leader({
    config,
    newId: randomUUID,
    candidate: { id: masterId, grpcAddress, httpAddress: http.address, hostname, version, domain },
    masterInfo: identity.masterInfo,
    registry,
    clock,
    timers,
    random,
    metrics,
    tracing,
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, error.message);
      deps.onFatal?.(error);
    },
  });
  holder.leader = leader;
  leader.start();
  log.info({ grpc: grpc.address, http: http.address }, 'listening');
  const servers = { grpc, http };
  return {
    grpcAddress: grpc.address,
    httpAddress: http.address,
    get leading() {
      return leader.term !== undefined;
    },
    close: async () => {
      leader.close();
      registry.close();
      await servers.http.close();
      await servers.grpc.close();
      await tracing.shutdown();
    },
  };
}

function masterInfoOf(id: string, hostname: string, address: string): MasterInfo {
  const cut = address.lastIndexOf(':');
  const ip = address.slice(0, cut);
  const port = Number(address.slice(cut + 1));
  return {
    id,
    hostname,
    port,
    pid: `master@${address}`,
    version,
    address: { hostname, ip, port },
    capabilities: [{ type: MasterInfo_Capability_Type.AGENT_UPDATE }],
  };
}
