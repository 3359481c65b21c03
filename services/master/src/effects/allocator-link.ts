import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  BatchWriter,
  LeaderFinder,
  channelOptions,
  type BatchObserver,
  type Logger,
  type Timers,
} from '@meseta/kit';
import { agentId, frameworkId, isFailure } from '@meseta/model';
import {
  attributesToProto,
  internal,
  resourcesFromProto,
  resourcesToProto,
  quotaToProto,
} from '@meseta/protocol';
import type { MasterMetrics } from '../metrics';
import type { Command, InverseProposal, Proposal } from '../state/command';
import type { AllocationChange, Holding } from '../state/effect';

/** Changes that may wait for the allocator. At the bound the stream is dropped; the next one begins with a snapshot. */
export const changesQueuedMax = 500_000;
const changesPerMessageMax = 1000;

interface Item {
  readonly version: number;
  readonly snapshot: boolean;
  readonly change: AllocationChange;
}

type Stream = ClientDuplexStream<internal.AllocateRequest, internal.AllocateResponse>;

export interface AllocatorLinkDeps {
  readonly addresses: readonly string[];
  readonly term: number;
  readonly submit: (command: Command) => boolean;
  readonly timers: Timers;
  readonly random: () => number;
  readonly metrics: MasterMetrics;
  readonly log: Logger;
}

/** The stream to the allocator for one term. While there is none tasks run on, and only offers pause. */
export class AllocatorLink {
  readonly #deps: AllocatorLinkDeps;
  readonly #finder: LeaderFinder;
  readonly #observer: BatchObserver;
  #client: internal.AllocatorServiceClient | undefined;
  #stream: Stream | undefined;
  #writer: BatchWriter<Item, internal.AllocateRequest> | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(deps: AllocatorLinkDeps) {
    this.#deps = deps;
    this.#observer = deps.metrics.streams.observer('allocation_changes');
    this.#finder = new LeaderFinder({ addresses: deps.addresses, random: deps.random, backoffMaxMs: 1000 });
  }

  connect(): void {
    if (this.#closed) return;
    const { term, metrics, log } = this.#deps;
    const address = this.#finder.current();
    const client = new internal.AllocatorServiceClient(
      address,
      credentials.createInsecure(),
      channelOptions(),
    );
    const stream = client.allocate();
    this.#client = client;
    this.#stream = stream;
    this.#writer = this.#newWriter(stream, term);
    stream.on('data', (response: internal.AllocateResponse) => {
      if (this.#stream === stream) this.#receive(response);
    });
    const broken = (error?: Error): void => {
      if (this.#stream !== stream) return;
      this.#drop();
      metrics.allocatorConnected.set(0);
      const waitMs = this.#finder.failed(error);
      log.warn(
        { term, allocator: address, retryMs: waitMs },
        `no allocator, offers pause: ${error?.message ?? 'its stream ended'}`,
      );
      if (!this.#closed)
        this.#cancelRetry = this.#deps.timers.after(Math.max(20, waitMs), () => this.connect());
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    client.waitForReady(Date.now() + 5_000, (error) => {
      if (this.#stream !== stream || error !== undefined) return;
      this.#finder.succeeded();
      metrics.allocatorConnected.set(1);
      log.info({ term, allocator: address }, 'allocator connected');
      this.#deps.submit({ kind: 'allocatorConnected' });
    });
  }

  /** Sends a change. What is said while no stream is open is in the snapshot of the next. */
  send(version: number, snapshot: boolean, change: AllocationChange): void {
    this.#writer?.push({ version, snapshot, change });
  }

  /** How many changes wait. */
  get queued(): number {
    return this.#writer?.queued ?? 0;
  }

  /** The client of the connected allocator, for questions. */
  get client(): internal.AllocatorServiceClient | undefined {
    return this.#client;
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#drop();
    this.#deps.metrics.allocatorConnected.set(0);
  }

  #newWriter(stream: Stream, term: number): BatchWriter<Item, internal.AllocateRequest> {
    return new BatchWriter<Item, internal.AllocateRequest>({
      write: (message) => stream.write(message),
      onDrain: (fn) => void stream.once('drain', fn),
      toMessage: (items) => ({
        term: BigInt(term),
        version: BigInt(items[items.length - 1]?.version ?? 0),
        snapshot: items.every((item) => item.snapshot),
        changes: items
          .filter((item) => item.change.kind !== 'snapshotEnd')
          .map((item) => changeToProto(item.change)),
      }),
      itemsPerMessageMax: changesPerMessageMax,
      itemsQueuedMax: changesQueuedMax,
      observer: this.#observer,
      onOverflow: () => stream.destroy(new Error(`more than ${changesQueuedMax} changes wait`)),
    });
  }

  #receive(response: internal.AllocateResponse): void {
    const proposals: Proposal[] = [];
    for (const {
      frameworkId: framework,
      role,
      agentId: agent,
      resources: listed,
      allocatedAtMs,
      traceparent,
      tasks,
    } of response.proposals) {
      const resources = resourcesFromProto(listed);
      if (isFailure(resources)) {
        this.#stream?.destroy(new Error(`a proposal cannot be read: ${resources.message}`));
        return;
      }
      proposals.push({
        frameworkId: frameworkId(framework?.value ?? ''),
        role,
        agentId: agentId(agent?.value ?? ''),
        resources: resources.unallocate(),
        allocatedAtMs: Number(allocatedAtMs),
        traceparent,
        tasks: new Map(Object.entries(tasks?.counts ?? {})),
      });
    }
    const inverse = response.inverseProposals.map(inverseProposalOf);
    if (inverse.length > 0) this.#deps.submit({ kind: 'inverseProposals', proposals: inverse });
    if (proposals.length > 0)
      this.#deps.submit({ kind: 'proposals', version: Number(response.version), proposals });
  }

  #drop(): void {
    const [stream, client] = [this.#stream, this.#client];
    this.#stream = undefined;
    this.#writer = undefined;
    this.#client = undefined;
    stream?.on('error', () => undefined);
    stream?.cancel();
    client?.close();
  }
}

/** Whom to ask, as the core takes it. */
export function inverseProposalOf({
  frameworkId: framework,
  agentId: agent,
  unavailability,
}: internal.InverseProposal): InverseProposal {
  return {
    frameworkId: frameworkId(framework?.value ?? ''),
    agentId: agentId(agent?.value ?? ''),
    startMs: Number((unavailability?.start?.nanoseconds ?? 0n) / 1_000_000n),
  };
}

export function changeToProto(change: AllocationChange): internal.AllocationChange {
  switch (change.kind) {
    case 'agentChanged':
      return {
        change: {
          $case: 'agentChanged',
          value: {
            agentId: { value: change.agentId },
            hostname: change.hostname,
            total: resourcesToProto(change.total),
            attributes: attributesToProto(change.attributes),
            active: change.active,
            withheld: change.withheld ?? '',
            domain: change.domain,
            unavailability: change.unavailability,
            allocations: change.holdings.map(holdingToProto),
          },
        },
      };
    case 'agentActivated':
      return {
        change: {
          $case: 'agentActivated',
          value: {
            agentId: { value: change.agentId },
            active: change.active,
            withheld: change.withheld ?? '',
          },
        },
      };
    case 'agentRemoved':
      return { change: { $case: 'agentRemoved', value: { agentId: { value: change.agentId } } } };
    case 'frameworkChanged': {
      const { kind: _, frameworkId: id, ...rest } = change;
      return { change: { $case: 'frameworkChanged', value: { ...rest, frameworkId: { value: id } } } };
    }
    case 'frameworkRemoved':
      return { change: { $case: 'frameworkRemoved', value: { frameworkId: { value: change.frameworkId } } } };
    case 'recovered':
      return {
        change: {
          $case: 'recovered',
          value: {
            ...holdingToProto(change),
            agentId: { value: change.agentId },
            refuseMs: BigInt(Math.round(change.refuseMs)),
            unused: change.unused === true,
            tasks: change.tasks && tasksToProto(change.tasks),
          },
        },
      };
    case 'offersAccepted': {
      const { kind: _, frameworkId: id, agentId: agent, ...rest } = change;
      return {
        change: {
          $case: 'offersAccepted',
          value: { ...rest, frameworkId: { value: id }, agentId: { value: agent } },
        },
      };
    }
    case 'totalChanged':
      return {
        change: {
          $case: 'totalChanged',
          value: { agentId: { value: change.agentId }, total: resourcesToProto(change.total) },
        },
      };
    case 'converted':
      return {
        change: {
          $case: 'converted',
          value: {
            agentId: { value: change.agentId },
            frameworkId: change.holder === undefined ? undefined : { value: change.holder.frameworkId },
            role: change.holder?.role ?? '',
            consumed: resourcesToProto(change.consumed),
            produced: resourcesToProto(change.produced),
          },
        },
      };
    case 'unavailabilityChanged':
      return {
        change: {
          $case: 'unavailabilityChanged',
          value: { agentId: { value: change.agentId }, unavailability: change.unavailability },
        },
      };
    case 'inverseOfferAnswered':
      return {
        change: {
          $case: 'inverseOfferAnswered',
          value: {
            frameworkId: { value: change.frameworkId },
            agentId: { value: change.agentId },
            refuseMs: BigInt(Math.round(change.refuseMs)),
          },
        },
      };
    case 'demanded':
      return {
        change: {
          $case: 'demanded',
          value: {
            frameworkId: { value: change.frameworkId },
            demands: change.demands,
            remaining: tasksToProto(change.remaining),
          },
        },
      };
    case 'quotaChanged':
      return { change: { $case: 'quotaChanged', value: { config: quotaToProto(change.quota) } } };
    case 'clusterChanged':
      return {
        change: {
          $case: 'clusterChanged',
          value: {
            region: change.region,
            expectedAgents: change.expectedAgents,
            electedAtMs: BigInt(change.electedAt),
          },
        },
      };
    case 'suppressed':
    case 'revived':
      return {
        change: {
          $case: change.kind,
          value: { frameworkId: { value: change.frameworkId }, roles: change.roles },
        },
      };
    case 'weightChanged':
      return { change: { $case: 'weightChanged', value: { role: change.role, weight: change.weight } } };
    case 'snapshotEnd':
      return {};
  }
}

function tasksToProto(tasks: ReadonlyMap<string, number>): internal.TasksByDemand {
  return { counts: Object.fromEntries(tasks) };
}

function holdingToProto({ frameworkId: id, role, resources, offers }: Holding): internal.Allocation {
  return { frameworkId: { value: id }, role, resources: resourcesToProto(resources), offers: offers ?? 0 };
}
