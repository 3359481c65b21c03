import {
  startGrpcServer,
  startHttpServer,
  systemClock,
  systemTimers,
  version,
  type Clock,
  type Logger,
  type Timers,
  type Tracing,
} from '@meseta/kit';
import { internal } from '@meseta/protocol';
import type { AllocatorConfig } from './config';
import { Sessions } from './handlers/allocator';
import { createAllocatorMetrics } from './metrics';
import { optionsOf } from './options';
import { proposalsQueuedMax } from './session';
import { Whitelist } from './whitelist';

/** The world of one allocator. */
export interface AllocatorDeps {
  readonly config: AllocatorConfig;
  readonly log: Logger;
  readonly tracing: Tracing;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: () => number;
}

/** An allocator that runs. */
export interface AllocatorServer {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  close(): Promise<void>;
}

/** Starts an allocator. It has no globals: one process may run several. */
export async function createAllocatorServer(deps: AllocatorDeps): Promise<AllocatorServer> {
  const { config, log, tracing } = deps;
  const metrics = createAllocatorMetrics();
  const timers = deps.timers ?? systemTimers;
  const whitelist =
    config.whitelist === undefined
      ? undefined
      : new Whitelist({
          path: config.whitelist,
          timers,
          log,
          onChanged: (hostnames) => sessions.current?.limitTo(hostnames),
        });
  const sessions: Sessions = new Sessions({
    options: await optionsOf(config),
    turnGapMs: config.turnGap,
    clock: deps.clock ?? systemClock,
    timers,
    whitelist: () => whitelist?.hostnames,
    random: deps.random ?? Math.random,
    tracing,
    metrics,
    log,
  });
  await whitelist?.start();
  metrics.onCollect(() => sessions.current?.observe());
  metrics.spans.watch(tracing);
  metrics.queues.watch('proposals', proposalsQueuedMax, () => sessions.current?.queued ?? 0);
  const grpc = await startGrpcServer({
    ...config,
    log,
    services: [
      {
        definition: metrics.streams.counted(internal.AllocatorServiceService),
        implementation: { allocate: sessions.allocate, explain: sessions.explain },
        fullName: 'meseta.internal.v1.AllocatorService',
      },
    ],
  });
  const http = await startHttpServer({
    ...config,
    port: config.httpPort,
    service: 'allocator',
    version,
    metrics: metrics.registry,
    ready: () => true,
    log,
  });
  log.info({ grpc: grpc.address, http: http.address }, 'listening');
  return {
    grpcAddress: grpc.address,
    httpAddress: http.address,
    close: async () => {
      whitelist?.close();
      sessions.close();
      await http.close();
      await grpc.close();
      await tracing.shutdown();
    },
  };
}
