import { credentials } from '@grpc/grpc-js';
import { allocatorOptions, createAllocatorServer } from '@meseta/allocator';
import { channelOptions, createLogger, noTracing, readConfig } from '@meseta/kit';
import { agentId } from '@meseta/model';
import { internal, resourcesToProto } from '@meseta/protocol';
import { resources, yearMs } from '../cluster';
import { measureAsync, median, type Took } from '../measure';
import type { Report } from '../report';
import { total, used, type Size } from './decline';

const changesPerMessage = 1000;

/**
 * decline(N, M) with the allocator's server behind its stream, in this process: what is counted is both ends, and the messages between them. A round is all declines
 * sent, read and filtered, and the offers to others that follow, sent and read.
 */
export async function overStream(report: Report, { agents, frameworks }: Size): Promise<void> {
  const argv = ['--port', '0', '--http-port', '0', '--allocation-interval', '1h'];
  const server = await createAllocatorServer({
    config: readConfig(allocatorOptions, argv, {}),
    log: createLogger('allocator', 'silent'),
    tracing: noTracing,
  });
  const client = new internal.AllocatorServiceClient(
    server.grpcAddress,
    credentials.createInsecure(),
    channelOptions(),
  );
  const master = new StreamMaster(client);
  try {
    for (let at = 0; at < frameworks; at++) master.addFramework(`framework-${at}`);
    master.endSnapshot();
    const add = await measureAsync(async () => {
      for (let at = 0; at < agents; at++) master.addAgent(`agent-${at}`, `framework-${at % frameworks}`);
      await master.offers(agents);
    });
    const rounds: Took[] = [];
    for (let round = 0; round < 10; round++)
      rounds.push(
        await measureAsync(async () => {
          master.declineAll();
          await master.offers(agents);
        }),
      );
    const size = `${agents} × ${frameworks}`;
    report.line({ workload: 'over the stream: add agents', size, took: add, goal: '–' });
    report.line({
      workload: 'over the stream: N declined, N offered',
      size,
      took: median(rounds),
      goal: '–',
      note: `${Math.round((agents / median(rounds).wallMs) * 1000)} offers a second, declined and made`,
    });
  } finally {
    master.close();
    client.close();
    await server.close();
  }
}

/** As much of a master as it takes to keep an allocator busy. */
class StreamMaster {
  private readonly stream;
  private changes: internal.AllocationChange[] = [];
  private proposals: internal.Proposal[] = [];
  private version = 0;
  private wanted = 0;
  private enough: (() => void) | undefined;
  private readonly total = resourcesToProto(resources(total));
  private readonly used = resourcesToProto(resources(used(2014)));

  constructor(client: internal.AllocatorServiceClient) {
    this.stream = client.allocate();
    this.stream.on('error', () => undefined);
    this.stream.on('data', (response: internal.AllocateResponse) => {
      this.proposals.push(...response.proposals);
      if (this.proposals.length >= this.wanted) this.enough?.();
    });
  }

  addFramework(name: string): void {
    const value = {
      frameworkId: { value: name },
      name,
      roles: ['*'],
      suppressedRoles: [],
      active: true,
      capabilities: [],
      offerConstraints: undefined,
      offerFilters: {},
    };
    this.push({ change: { $case: 'frameworkChanged', value } });
  }

  addAgent(name: string, by: string): void {
    this.push({
      change: {
        $case: 'agentChanged',
        value: {
          agentId: { value: agentId(name) },
          hostname: name,
          total: this.total,
          attributes: [],
          active: true,
          allocations: [{ frameworkId: { value: by }, role: '*', resources: this.used, offers: 0 }],
          withheld: '',
          domain: undefined,
          unavailability: undefined,
        },
      },
    });
  }

  declineAll(): void {
    const { proposals } = this;
    this.proposals = [];
    for (const { frameworkId, agentId: agent, role, resources: listed } of proposals)
      this.push({
        change: {
          $case: 'recovered',
          value: {
            frameworkId,
            agentId: agent,
            role,
            resources: listed,
            refuseMs: BigInt(yearMs),
            offers: 1,
            unused: true,
          },
        },
      });
  }

  /** Waits until so many are offered. */
  offers(count: number): Promise<void> {
    this.flush();
    this.wanted = count;
    return new Promise((resolve) => {
      this.enough = resolve;
      if (this.proposals.length >= count) resolve();
    });
  }

  endSnapshot(): void {
    this.flush(true);
    this.stream.write({ term: 1n, version: BigInt(this.version), snapshot: false, changes: [] });
  }

  close(): void {
    this.stream.cancel();
  }

  private push(change: internal.AllocationChange): void {
    this.changes.push(change);
    if (this.changes.length === changesPerMessage) this.flush();
  }

  private flush(snapshot = false): void {
    if (this.changes.length === 0) return;
    this.version += this.changes.length;
    this.stream.write({ term: 1n, version: BigInt(this.version), snapshot, changes: this.changes });
    this.changes = [];
  }
}
