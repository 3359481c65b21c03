import { Writable } from 'node:stream';
import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { callUnary, createLogger, failureOf } from '@meseta/kit';
import type { Failure } from '@meseta/model';
import { internal } from '@meseta/protocol';
import { registryOptions, type RegistryConfig } from './config';
import { createRegistryServer, type RegistryDeps, type RegistryServer } from './server';
import { until } from './store/behaviour';

/** The configuration of a test: free ports, a memory store. */
export function testConfig(changes: Partial<RegistryConfig> = {}): RegistryConfig {
  const defaults = Object.fromEntries(
    Object.entries(registryOptions.options).map(([key, spec]) => [
      key,
      'default' in spec ? spec.default : undefined,
    ]),
  );
  return { ...defaults, port: 0, httpPort: 0, store: 'memory', leaseTtl: 2000, ...changes } as RegistryConfig;
}

/** Starts a registry instance that logs nothing. */
export function startRegistry(
  changes: Partial<RegistryConfig> = {},
  deps: Partial<RegistryDeps> = {},
): Promise<RegistryServer> {
  const log = createLogger(
    'registry',
    'silent',
    new Writable({ write: (_chunk, _encoding, done) => done() }),
  );
  return createRegistryServer({ config: testConfig(changes), log, ...deps });
}

type Event = NonNullable<internal.CampaignResponse['event']>;
type Elected = internal.Elected;

/** A candidate as a master is one: it beats several times within a lease, and can be told to hang or to go. */
export class TestCandidate {
  readonly name: string;
  readonly events: Event[] = [];
  /** How the stream ended: `ended`, or the failure. */
  outcome: 'ended' | Failure | undefined;
  /** When the last event came. Milliseconds of this process's own clock. */
  lastEventAt = 0;
  readonly #client: internal.RegistryServiceClient;
  readonly #stream: ClientDuplexStream<internal.CampaignRequest, internal.CampaignResponse>;
  #beat: NodeJS.Timeout;

  constructor(name: string, address: string, carried?: Elected, beatMs = 200) {
    this.name = name;
    this.#client = connect(address);
    this.#stream = this.#client.campaign();
    this.#stream.on('data', ({ event }: internal.CampaignResponse) => {
      this.lastEventAt = performance.now();
      if (event !== undefined) this.events.push(event);
    });
    this.#stream.on('end', () => this.#over('ended'));
    this.#stream.on('error', (error) => this.#over(failureOf(error)));
    this.#stream.write({
      election: 'master',
      candidate: { id: name, grpcAddress: 'a:1', httpAddress: 'a:2', hostname: 'a', version: '1' },
      ...(carried === undefined ? {} : { carried: { leaseId: carried.leaseId, term: carried.term } }),
    });
    this.#beat = setInterval(() => this.#stream.write({ election: '' }), beatMs);
  }

  /** Resolves when it leads. */
  async elected(): Promise<Elected> {
    await until(() => this.events.some(({ $case }) => $case === 'elected'));
    const event = this.events.find(({ $case }) => $case === 'elected');
    if (event?.$case !== 'elected') throw new Error('not elected');
    return event.value;
  }

  /** Resolves to the first event of a kind that comes from now on, or that came already. */
  async told(kind: Event['$case']): Promise<Event> {
    await until(() => this.events.some(({ $case }) => $case === kind));
    return this.events.find(({ $case }) => $case === kind) as Event;
  }

  async ended(): Promise<'ended' | Failure> {
    await until(() => this.outcome !== undefined);
    return this.outcome ?? 'ended';
  }

  /** Sends no more heartbeats, and keeps the stream. */
  hang(): void {
    clearInterval(this.#beat);
  }

  /** Goes, as a process that died: the connection breaks. */
  die(): void {
    clearInterval(this.#beat);
    this.#stream.cancel();
    this.#client.close();
  }

  #over(outcome: 'ended' | Failure): void {
    clearInterval(this.#beat);
    this.outcome ??= outcome;
  }
}

export function connect(address: string): internal.RegistryServiceClient {
  return new internal.RegistryServiceClient(address, credentials.createInsecure());
}

/** Commits a weight for each role under a term. */
export async function commitWeights(address: string, term: bigint, ...roles: string[]): Promise<bigint> {
  const client = connect(address);
  try {
    const operations = roles.map((role) => ({
      operation: { $case: 'setWeight', value: { role, weight: 2 } } as const,
    }));
    const request = { election: 'master', term, operations };
    const { revision } = await callUnary(client.commit.bind(client), request, { deadlineMs: 20_000 });
    return revision;
  } finally {
    client.close();
  }
}

/** The roles of the weights that are kept. */
export async function keptRoles(address: string): Promise<string[]> {
  const { records } = await readSnapshot(address);
  return records.flatMap(({ record }) => (record?.$case === 'weight' ? [record.value.role] : []));
}

export function readSnapshot(address: string): Promise<{ revision: bigint; records: internal.Record[] }> {
  const client = connect(address);
  return new Promise((resolve, reject) => {
    const records: internal.Record[] = [];
    let revision = 0n;
    const stream = client.snapshot({ linearizable: true });
    stream.on('data', (chunk: internal.SnapshotResponse) => {
      ({ revision } = chunk);
      records.push(...chunk.records);
    });
    stream.on('end', () => {
      client.close();
      resolve({ revision, records });
    });
    stream.on('error', reject);
  });
}
