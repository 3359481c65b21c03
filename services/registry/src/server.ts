import {
  FailureError,
  startGrpcServer,
  startHttpServer,
  systemTimers,
  version,
  type GrpcServer,
  type HttpServer,
  type Logger,
  type Timers,
} from '@meseta/kit';
import { failure } from '@meseta/model';
import { internal } from '@meseta/protocol';
import { CommitQueue, writesQueuedMax } from './commit/commit-queue';
import type { RegistryConfig } from './config';
import { Campaigns } from './election/campaigns';
import { campaignHandler } from './handlers/campaign';
import { commitHandler } from './handlers/commit';
import { observeHandler } from './handlers/observe';
import { OpenStreams } from './handlers/open-streams';
import { snapshotHandler } from './handlers/snapshot';
import { revisionsQueuedMax, watchHandler } from './handlers/watch';
import { createRegistryMetrics, type RegistryMetrics } from './metrics';
import { openEmbeddedStore } from './store/embedded';
import { openEtcdStore } from './store/etcd';
import { createMemoryStore } from './store/memory';
import type { Store } from './store/store';

/** The world of one registry instance. */
export interface RegistryDeps {
  readonly config: RegistryConfig;
  readonly log: Logger;
  readonly timers?: Timers;
  /** In place of the one that the configuration names. The server closes it. */
  readonly store?: Store;
}

/** A registry instance that runs. */
export interface RegistryServer {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** Stops without giving any lease back: candidates carry theirs to another instance. */
  close(): Promise<void>;
}

/** Starts a registry instance. It has no globals: one process may run several. */
export async function createRegistryServer(deps: RegistryDeps): Promise<RegistryServer> {
  const { config, log } = deps;
  const timers = deps.timers ?? systemTimers;
  const metrics = createRegistryMetrics();
  const store = deps.store ?? (await openStore(config, timers, metrics));
  const queue = new CommitQueue({
    store,
    observeBatch: (writes, callers) => {
      metrics.batchWrites.observe(writes);
      metrics.batchCallers.observe(callers);
    },
  });
  const campaigns = new Campaigns({
    store,
    timers,
    leaseTtlMs: config.leaseTtl,
    log,
    observe: (election, event) =>
      metrics.leaderships.inc({ election: metrics.electionLabel(election), event }),
  });
  const open = new OpenStreams();
  metrics.queues.watch('commit_writes', writesQueuedMax, () => queue.queued);
  metrics.queues.watch('revisions', revisionsQueuedMax, () => open.queuedMost);
  metrics.onCollect(() => {
    metrics.campaigns.set({ state: 'standing' }, campaigns.count('standing'));
    metrics.campaigns.set({ state: 'leading' }, campaigns.count('leading'));
    metrics.watchers.set(open.count);
    metrics.storeReady.set(store.ready() === true ? 1 : 0);
  });
  let grpc: GrpcServer | undefined;
  let http: HttpServer | undefined;
  const close = async (): Promise<void> => {
    campaigns.releaseAll();
    open.endAll();
    await queue.close();
    await http?.close();
    await grpc?.close();
    await store.close();
  };
  try {
    grpc = await startGrpcServer({
      ...config,
      log,
      healthy: () => store.ready() === true,
      services: [
        {
          definition: metrics.streams.counted(internal.RegistryServiceService),
          implementation: {
            campaign: campaignHandler(campaigns),
            observe: observeHandler(store, open),
            commit: commitHandler(queue, (seconds, outcome) => {
              metrics.commitSeconds.observe({ outcome }, seconds);
              if (outcome === 'overloaded') metrics.queues.refused('commit_writes');
            }),
            snapshot: snapshotHandler(store),
            watch: watchHandler(store, open, metrics.streams.observer('revisions')),
          },
          fullName: 'meseta.internal.v1.RegistryService',
        },
      ],
    });
    http = await startHttpServer({
      ...config,
      port: config.httpPort,
      service: 'registry',
      version,
      metrics: metrics.registry,
      ready: () => store.ready(),
      log,
    });
  } catch (error) {
    await close();
    throw error;
  }
  log.info({ grpc: grpc.address, http: http.address, store: store.kind }, 'listening');
  return { grpcAddress: grpc.address, httpAddress: http.address, close };
}

async function openStore(config: RegistryConfig, timers: Timers, metrics: RegistryMetrics): Promise<Store> {
  const { cluster } = config;
  switch (config.store) {
    case 'memory':
      return createMemoryStore({ timers });
    case 'embedded':
      return openEmbeddedStore({ directory: config.dataDir ?? '.', cluster, timers });
    case 'etcd':
      return openEtcdStore({
        addresses: config.etcd,
        cluster,
        observe: (call, seconds, answered) => {
          metrics.storeSeconds.observe({ call }, seconds);
          metrics.storeErrors.inc({ call }, answered ? 0 : 1);
        },
      });
    default:
      throw new FailureError(
        failure('invalid', `--store must be etcd, embedded or memory, not "${config.store}"`),
      );
  }
}
