import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { systemClock, systemTimers, toServiceError } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import { internal } from '@meseta/protocol';
import { RecordedTracing } from '@meseta/testing';
import { CommitTraces } from './commit-traces';
import { RegistryClient } from './registry-client';

/** A registry that fails commits as a test says, then takes them. */
async function registryThatFails(failures: Failure[]): Promise<{ address: string; stop: () => void }> {
  const server = new Server();
  server.addService(internal.RegistryServiceService, {
    commit: (
      _call: ServerUnaryCall<internal.CommitRequest, internal.CommitResponse>,
      reply: sendUnaryData<internal.CommitResponse>,
    ) => {
      const failed = failures.shift();
      if (failed === undefined) reply(null, { revision: 1n });
      else reply(toServiceError(failed));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

describe('a commit', () => {
  let stop: () => void = () => undefined;
  let client: RegistryClient | undefined;
  afterEach(() => {
    client?.close();
    stop();
  });

  async function commit(failures: Failure[]): Promise<{ tracing: RecordedTracing; done: Promise<void> }> {
    const registry = await registryThatFails(failures);
    stop = registry.stop;
    const tracing = new RecordedTracing();
    const traces = new CommitTraces(tracing, systemClock);
    client = new RegistryClient([registry.address], () => 0, systemTimers, traces);
    return { tracing, done: client.commit(7, [], () => true) };
  }

  test('that goes well at once leaves no span', async () => {
    const { tracing, done } = await commit([]);
    await done;
    expect(tracing.seen).toEqual([]);
  });

  test('that is tried again has a span with an event for each retry', async () => {
    const busy = failure('overloaded', 'too many writes wait');
    const { tracing, done } = await commit([busy, busy]);
    await done;
    const retry = (attempt: number) => ({
      name: 'retry',
      attributes: { 'retry.attempt': attempt, 'retry.delay_ms': 20, 'retry.cause': 'too many writes wait' },
    });
    expect(tracing.seen).toMatchObject([
      {
        name: 'master.commit',
        attributes: { term: 7, operations: 0 },
        ended: true,
        events: [retry(2), retry(3)],
      },
    ]);
    expect(tracing.seen[0]?.error).toBeUndefined();
  });

  test('that is refused has a span that failed', async () => {
    const { tracing, done } = await commit([failure('fenced', 'another leads')]);
    await expect(done).rejects.toMatchObject({ failure: { kind: 'fenced' } });
    expect(tracing.seen).toMatchObject([
      { name: 'master.commit', ended: true, error: { failure: { kind: 'fenced' } }, events: [] },
    ]);
  });
});
