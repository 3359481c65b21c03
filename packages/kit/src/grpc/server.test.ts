import { Writable } from 'node:stream';
import { Client, credentials, type ClientUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { failure } from '@meseta/model';
import { SchedulerServiceService } from '@meseta/protocol';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../failure-error';
import { createLogger } from '../log';
import { startGrpcServer, startGrpcSocketServer, type GrpcServer, type GrpcServerOptions } from './server';
import { callUnary, unaryHandler, type UnaryMethod } from './unary';

const health = '/grpc.health.v1.Health/';

interface Line {
  readonly text: string;
}

const text = (value: Line): Buffer => Buffer.from(JSON.stringify(value));
const parse = (bytes: Buffer): Line => JSON.parse(bytes.toString()) as Line;
const definition: ServiceDefinition = {
  echo: {
    path: '/meseta.trial.v1.EchoService/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: text,
    requestDeserialize: parse,
    responseSerialize: text,
    responseDeserialize: parse,
  },
};

let server: GrpcServer;
let client: Client;
let healthy = true;
const logged: string[] = [];

async function echo(request: Line, call: { signal: AbortSignal }): Promise<Line> {
  if (request.text === 'refuse') throw new FailureError(failure('conflict', 'not now', { field: 'text' }));
  if (request.text === 'break') throw new Error('the secret reason');
  if (request.text === 'wait') await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
  return { text: `${request.text}!` };
}

const echoMethod: UnaryMethod<Line, Line> = (request, metadata, options, callback) =>
  echoOf(client)(request, metadata, options, callback);

const echoOf =
  (client: Client): UnaryMethod<Line, Line> =>
  (request, metadata, options, callback): ClientUnaryCall =>
    client.makeUnaryRequest(
      '/meseta.trial.v1.EchoService/Echo',
      text,
      parse,
      request,
      metadata,
      options,
      (e, r) => callback(e, r ?? { text: '' }),
    );

const base: GrpcServerOptions = {
  host: '127.0.0.1',
  port: 0,
  insecure: false,
  services: [
    { definition, implementation: { echo: unaryHandler(echo) }, fullName: 'meseta.trial.v1.EchoService' },
    // One of the protos, for reflection; nobody calls it.
    { definition: SchedulerServiceService, implementation: {}, fullName: 'meseta.v1.SchedulerService' },
  ],
  healthy: () => healthy,
  log: createLogger(
    'trial',
    'info',
    new Writable({ write: (chunk: Buffer, _encoding, done) => (logged.push(chunk.toString()), done()) }),
  ),
};

beforeAll(async () => {
  server = await startGrpcServer(base);
  client = new Client(server.address, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  await server.close();
});

test('a handler answers', async () => {
  await expect(callUnary(echoMethod, { text: 'hello' })).resolves.toEqual({ text: 'hello!' });
});

test('a failure of the handler arrives as the same failure', async () => {
  await expect(callUnary(echoMethod, { text: 'refuse' })).rejects.toMatchObject({
    failure: failure('conflict', 'not now', { field: 'text' }),
  });
});

test('a fault of the handler is answered with an id, and logged under it with its reason', async () => {
  const error: unknown = await callUnary(echoMethod, { text: 'break' }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ failure: { kind: 'bug' } });
  const id = /incident (\S+)$/.exec((error as Error).message)?.[1] ?? 'none';
  expect((error as Error).message).not.toContain('secret');
  expect(logged.find((line) => line.includes(id))).toContain('the secret reason');
});

test('a call that takes longer than its deadline ends as overloaded', async () => {
  await expect(callUnary(echoMethod, { text: 'wait' }, { deadlineMs: 50 })).rejects.toMatchObject({
    failure: { kind: 'overloaded' },
  });
});

test('an aborted call ends', async () => {
  const controller = new AbortController();
  const call = callUnary(echoMethod, { text: 'wait' }, { signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ failure: { kind: 'conflict' } });
});

test('health follows the service, for its name and for the whole', async () => {
  const definitions = loadSync('health/v1/health.proto', {
    includeDirs: [join(require.resolve('grpc-health-check/package.json'), '../proto')],
    enums: String,
  });
  const service = definitions['grpc.health.v1.Health'] as unknown as ServiceDefinition;
  const { Watch } = service as unknown as { Watch: ServiceDefinition[string] };
  const seen: unknown[] = [];
  const stream = client.makeServerStreamRequest(
    `${health}Watch`,
    Watch.requestSerialize,
    Watch.responseDeserialize as (bytes: Buffer) => { status: string },
    { service: 'meseta.trial.v1.EchoService' },
  );
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (message: { status: string }) => {
      seen.push(message.status);
      healthy = false;
      if (seen.length === 2) resolve();
    });
  });
  healthy = true;
  stream.removeAllListeners('error').on('error', () => undefined);
  stream.cancel();
  expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
});

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

async function reflect(version: 'v1' | 'v1alpha', question: object): Promise<ReflectionAnswer> {
  const folder = join(
    require.resolve('@grpc/reflection/package.json'),
    `../build/proto/grpc/reflection/${version}`,
  );
  const definitions = loadSync(join(folder, 'reflection.proto'));
  const service = definitions[`grpc.reflection.${version}.ServerReflection`] as unknown as {
    ServerReflectionInfo: ServiceDefinition[string];
  };
  const info = service.ServerReflectionInfo;
  const stream = client.makeBidiStreamRequest(
    info.path,
    info.requestSerialize,
    info.responseDeserialize as (bytes: Buffer) => ReflectionAnswer,
  );
  const answer = await new Promise<ReflectionAnswer>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', resolve);
    stream.write(question);
  });
  stream.end();
  return answer;
}

test.each(['v1', 'v1alpha'] as const)(
  'reflection of %s lists the services that protos define',
  async (version) => {
    const { listServicesResponse } = await reflect(version, { listServices: '*' });
    expect(listServicesResponse?.service.map(({ name }) => name)).toEqual(['meseta.v1.SchedulerService']);
  },
);

test('reflection tells the files as they are, with all that they import', async () => {
  const question = { fileContainingSymbol: 'meseta.v1.SchedulerService' };
  const { fileDescriptorResponse } = await reflect('v1', question);
  // A serialized FileDescriptorProto begins with its name.
  const names = fileDescriptorResponse?.fileDescriptorProto.map((file) =>
    file.subarray(2, 2 + (file[1] ?? 0)).toString(),
  );
  expect(names).toEqual(
    expect.arrayContaining([
      'meseta/v1/scheduler_service.proto',
      'meseta/v1/scheduler/scheduler.proto',
      'meseta/v1/task_status.proto',
    ]),
  );
  expect(names).not.toContain('meseta/v1/operator_service.proto');
});

test('a port in use and a public address are refused in one line each', async () => {
  const port = Number(server.address.split(':')[1]);
  await expect(startGrpcServer({ ...base, port })).rejects.toThrow(
    `port ${port} of 127.0.0.1 is in use (--port)`,
  );
  await expect(startGrpcServer({ ...base, host: '0.0.0.0' })).rejects.toThrow(
    'refusing to listen on 0.0.0.0: no certificates are configured; give --insecure to listen there without them',
  );
});

describe('a server on a unix socket', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meseta-socket-'));
    path = join(folder, 'deep', 'trial.sock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const options = () => ({ path, services: base.services, log: base.log });

  test('answers there, alone, and leaves nothing', async () => {
    const first = await startGrpcSocketServer(options());
    expect(first.address).toBe(`unix:${path}`);
    const caller = new Client(first.address, credentials.createInsecure());
    await expect(callUnary(echoOf(caller), { text: 'here' })).resolves.toEqual({ text: 'here!' });
    await expect(startGrpcSocketServer(options())).rejects.toThrow(`socket ${path} is in use`);
    caller.close();
    await first.close();
    expect(existsSync(path)).toBe(false);
  });

  test('takes the place of one that was killed, and of nothing else', async () => {
    const killed = createServer();
    await new Promise<void>((resolve) => killed.listen(join(folder, 'killed'), resolve));
    // Like one that was killed: it does not listen any more, and its file is there.
    linkSync(join(folder, 'killed'), join(folder, 'left'));
    await new Promise((resolve) => killed.close(resolve));
    path = join(folder, 'left');
    await (await startGrpcSocketServer(options())).close();
    path = join(folder, 'file');
    writeFileSync(path, '');
    await expect(startGrpcSocketServer(options())).rejects.toThrow(`${path} is there and is no socket`);
    path = `/${'x'.repeat(107)}`;
    await expect(startGrpcSocketServer(options())).rejects.toThrow('the path of a socket may have 107 bytes');
  });
});
