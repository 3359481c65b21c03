import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  callUnary,
  channelOptions,
  createLogger,
  failureOf,
  noTracing,
  readConfig,
  type Timers,
} from '@meseta/kit';
import { Resources, isFailure } from '@meseta/model';
import { internal, resourcesToProto } from '@meseta/protocol';
import { allocatorOptions } from './config';
import { createAllocatorServer, type AllocatorServer } from './server';

type Stream = ClientDuplexStream<internal.AllocateRequest, internal.AllocateResponse>;

/** Runs what is planned when a test says so. */
class ManualTimers implements Timers {
  #planned: { readonly ms: number; readonly fn: () => void }[] = [];

  after(ms: number, fn: () => void): () => void {
    const one = { ms, fn };
    this.#planned.push(one);
    return () => {
      this.#planned = this.#planned.filter((other) => other !== one);
    };
  }

  /** For when what waits is planned. */
  get planned(): readonly number[] {
    return this.#planned.map(({ ms }) => ms);
  }

  /** All that was planned for at most so long from now. */
  run(withinMs: number): void {
    const due = this.#planned.filter(({ ms }) => ms <= withinMs);
    this.#planned = this.#planned.filter(({ ms }) => ms > withinMs);
    for (const { fn } of due) fn();
  }
}

let server: AllocatorServer;
let timers: ManualTimers;
let client: internal.AllocatorServiceClient;

beforeEach(() => start());

async function start(...argv: readonly string[]): Promise<void> {
  timers = new ManualTimers();
  server = await createAllocatorServer({
    config: readConfig(allocatorOptions, ['--port', '0', '--http-port', '0', ...argv], {}),
    log: createLogger('allocator', 'silent'),
    tracing: noTracing,
    timers,
  });
  client = new internal.AllocatorServiceClient(
    server.grpcAddress,
    credentials.createInsecure(),
    channelOptions(),
  );
}

afterEach(stop);

async function stop(): Promise<void> {
  client.close();
  await server.close();
}

const change = (value: object) => ({ change: value }) as internal.AllocationChange;
const request = (term: bigint, changes: readonly internal.AllocationChange[], snapshot = false) =>
  internal.AllocateRequest.fromPartial({ term, version: BigInt(changes.length), snapshot, changes } as never);

const framework = change({
  $case: 'frameworkChanged',
  value: { frameworkId: { value: 'F' }, roles: ['a'], active: true },
});
function agent(name: string): internal.AllocationChange {
  const total = Resources.parse('cpus:2');
  if (isFailure(total)) throw new Error(total.message);
  return change({
    $case: 'agentChanged',
    value: { agentId: { value: name }, hostname: name, total: resourcesToProto(total), active: true },
  });
}

const message = (stream: Stream): Promise<internal.AllocateResponse> =>
  new Promise((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
  });
const ended = (stream: Stream) =>
  new Promise<string>((resolve) => stream.on('error', (error) => resolve(failureOf(error).kind)));

/** The turn that a message plans is taken when the message has arrived: asked until then. */
async function answer(stream: Stream): Promise<internal.AllocateResponse> {
  const next = message(stream);
  let waits = true;
  void next.finally(() => (waits = false)).catch(() => undefined);
  while (waits) {
    timers.run(2);
    await new Promise(setImmediate);
  }
  return next;
}

test('nothing is proposed before the snapshot has ended; then what changed is acted on, and explained', async () => {
  const stream = client.allocate();
  stream.write(request(1n, [framework, agent('S1')], true));
  stream.write(request(1n, []));
  const { proposals, term } = await answer(stream);
  expect([term, proposals.map((one) => [one.frameworkId?.value, one.role, one.agentId?.value])]).toEqual([
    1n,
    [['F', 'a', 'S1']],
  ]);
  const explained = await callUnary(client.explain.bind(client), { frameworkId: { value: 'F' }, role: 'a' });
  expect(explained.roles[0]?.agents[0]).toMatchObject({ filter: 'nothing-free' });
  const unavailability = { start: { nanoseconds: 5_000_000_000n } };
  stream.write(
    request(1n, [
      change({ $case: 'unavailabilityChanged', value: { agentId: { value: 'S1' }, unavailability } }),
    ]),
  );
  const { inverseProposals } = await answer(stream);
  expect(inverseProposals).toMatchObject([
    { frameworkId: { value: 'F' }, agentId: { value: 'S1' }, unavailability },
  ]);
  stream.on('error', () => undefined);
  stream.cancel();
});

test('a stream of a higher term ends the one before, and one of a lower term is refused', async () => {
  const first = client.allocate();
  const firstEnds = ended(first);
  first.write(request(2n, [framework, agent('S1')], true));
  first.write(request(2n, []));
  await answer(first);
  const second = client.allocate();
  second.write(request(3n, [framework, agent('S1')], true));
  second.write(request(3n, []));
  expect((await answer(second)).term).toBe(3n);
  expect(await firstEnds).toBe('fenced');
  const late = client.allocate();
  const lateEnds = ended(late);
  late.write(request(2n, []));
  expect(await lateEnds).toBe('fenced');
  second.on('error', () => undefined);
  second.cancel();
});

test('a change that cannot be read ends the stream, and says why', async () => {
  const stream = client.allocate();
  const why = ended(stream);
  stream.write(request(1n, [change({ $case: 'weightChanged', value: { role: 'a', weight: -1 } })]));
  expect(await why).toBe('invalid');
});

test('A8: agents on hosts that the file does not name are not offered; it is read every 5 s', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meseta-whitelist-'));
  const path = join(folder, 'hosts');
  await stop();
  await writeFile(path, 'elsewhere\n');
  await start('--whitelist', path);
  try {
    const stream = client.allocate();
    stream.on('error', () => undefined);
    const agents: string[] = [];
    stream.on('data', ({ proposals }: internal.AllocateResponse) =>
      agents.push(...proposals.map((one) => one.agentId?.value ?? '')),
    );
    stream.write(request(1n, [framework, agent('S1'), agent('S2')], true));
    stream.write(request(1n, []));
    const refusals = async (): Promise<readonly string[]> => {
      const { roles } = await callUnary(client.explain.bind(client), {
        frameworkId: { value: 'F' },
        role: 'a',
      });
      return roles[0]?.agents.map(({ filter }) => filter) ?? [];
    };
    await until(async () => (await refusals().catch(() => [])).length === 2);
    timers.run(1000);
    expect(await refusals()).toEqual(['whitelist', 'whitelist']);
    expect(agents).toEqual([]);

    await writeFile(path, 'S1\n');
    await until(() => timers.planned.includes(5000));
    timers.run(4999);
    expect(await refusals()).toEqual(['whitelist', 'whitelist']);
    timers.run(5000);
    await until(async () => (await refusals())[0] === '');
    await until(() => {
      timers.run(2);
      return agents.length > 0;
    });
    expect(agents).toEqual(['S1']);
    stream.cancel();
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(setImmediate);
}
