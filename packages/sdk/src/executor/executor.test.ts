import { createLogger, startGrpcServer, toServiceError, type GrpcServer } from '@meseta/kit';
import { failure } from '@meseta/model';
import { ExecutorServiceService, executor as v1, type ExecutorServiceServer } from '@meseta/protocol';
import { until } from '../testdata/until';
import { runExecutor } from './executor';

let server: GrpcServer;
const shown: (string | undefined)[] = [];
let tell: (event: { readonly type: v1.Event_Type }) => void;

/** An agent that knows two tokens: one lets its executor end at once, the other lets it stay. */
async function start(port = 0): Promise<void> {
  const implementation = {
    subscribe: (call) => {
      const authorization = call.metadata.get('authorization')[0]?.toString();
      shown.push(authorization);
      tell = (event) => void call.write({ events: [v1.Event.fromPartial(event)] });
      if (authorization === 'Bearer good') tell({ type: v1.Event_Type.SHUTDOWN });
      else if (authorization === 'Bearer stays') tell({ type: v1.Event_Type.SUBSCRIBED });
      else call.emit('error', toServiceError(failure('denied', 'the token is that of another executor')));
    },
    update: () => undefined,
    message: () => undefined,
  } satisfies Partial<ExecutorServiceServer>;
  server = await startGrpcServer({
    ...{ host: '127.0.0.1', port, insecure: false, log: createLogger('agent', 'silent') },
    services: [{ definition: ExecutorServiceService, implementation, fullName: 'meseta.v1.ExecutorService' }],
  });
}

beforeEach(async () => {
  shown.length = 0;
  await start();
});
afterEach(() => server.close(0));

const run = (more: { readonly token?: string }): Promise<void> =>
  runExecutor({
    ...{ agent: server.address, frameworkId: 'F1', executorId: 'E1', checkpoint: true },
    ...more,
    launch: () => undefined,
  });

test('an executor shows its token, and ends when it is told to', async () => {
  await run({ token: 'good' });
  expect(shown).toEqual(['Bearer good']);
});

test('one that is taken for another ends with the agent’s words, and does not try again', async () => {
  const refused = { failure: { kind: 'denied', message: 'the token is that of another executor' } };
  await expect(run({ token: 'stolen' })).rejects.toMatchObject(refused);
  await expect(run({})).rejects.toMatchObject(refused);
  expect(shown).toEqual(['Bearer stolen', undefined]);
});

describe('E20: an agent that is gone', () => {
  const runs = (more: { readonly checkpoint: boolean; readonly recoveryTimeoutMs?: number }) => {
    const ended = runExecutor({
      ...{ agent: server.address, frameworkId: 'F1', executorId: 'E1', token: 'stays', backoffMaxMs: 50 },
      ...more,
      launch: () => undefined,
    });
    return { ended, startedMs: Date.now() };
  };
  const subscribed = (times: number): Promise<void> =>
    until(`it has subscribed ${times} times`, () => shown.length >= times);

  test('is the end of one that does not checkpoint', async () => {
    const { ended } = runs({ checkpoint: false });
    await subscribed(1);
    await server.close(0);
    await ended;
    expect(shown).toHaveLength(1);
  });

  test('is looked for by one that does, and found', async () => {
    const { ended } = runs({ checkpoint: true, recoveryTimeoutMs: 60_000 });
    await subscribed(1);
    const { port } = new URL(`http://${server.address}`);
    await server.close(0);
    await start(Number(port));
    await subscribed(2);
    tell({ type: v1.Event_Type.SHUTDOWN });
    await ended;
  });

  test('G8: is looked for no longer than the recovery timeout', async () => {
    const { ended, startedMs } = runs({ checkpoint: true, recoveryTimeoutMs: 300 });
    await subscribed(1);
    await server.close(0);
    await ended;
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(300);
  });
});
