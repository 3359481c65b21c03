import { createLogger, startGrpcServer, toServiceError, type GrpcServer } from '@meseta/kit';
import { failure } from '@meseta/model';
import { ExecutorServiceService, executor as v1, type ExecutorServiceServer } from '@meseta/protocol';
import { runExecutor } from './executor';

let server: GrpcServer;
const shown: (string | undefined)[] = [];

/** An agent that believes one token, and lets everybody end at once. */
beforeEach(async () => {
  shown.length = 0;
  const implementation = {
    subscribe: (call) => {
      const authorization = call.metadata.get('authorization')[0]?.toString();
      shown.push(authorization);
      if (authorization !== 'Bearer good')
        call.emit('error', toServiceError(failure('denied', 'the token is that of another executor')));
      else call.write({ events: [v1.Event.fromPartial({ type: v1.Event_Type.SHUTDOWN })] });
    },
    update: () => undefined,
    message: () => undefined,
  } satisfies Partial<ExecutorServiceServer>;
  server = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, insecure: false, log: createLogger('agent', 'silent') },
    services: [{ definition: ExecutorServiceService, implementation, fullName: 'meseta.v1.ExecutorService' }],
  });
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
