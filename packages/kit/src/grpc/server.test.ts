import { Writable } from 'node:stream';
import { Client, credentials, type ClientUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { failure } from '@meseta/model';
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../failure-error';
import { createLogger } from '../log';
import { startGrpcServer, type GrpcServer } from './server';
import { callUnary, unaryHandler, type UnaryMethod } from './unary';

const proto = `syntax = "proto3";
package meseta.trial.v1;
message Line { string text = 1; }
service EchoService { rpc Echo(Line) returns (Line); }
`;
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

function protoRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'meseta-protos-'));
  mkdirSync(join(root, 'meseta/trial/v1'), { recursive: true });
  writeFileSync(join(root, 'meseta/trial/v1/echo_service.proto'), proto);
  return root;
}

async function echo(request: Line, call: { signal: AbortSignal }): Promise<Line> {
  if (request.text === 'refuse') throw new FailureError(failure('conflict', 'not now', { field: 'text' }));
  if (request.text === 'break') throw new Error('the secret reason');
  if (request.text === 'wait') await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
  return { text: `${request.text}!` };
}

const echoMethod: UnaryMethod<Line, Line> = (request, metadata, options, callback): ClientUnaryCall =>
  client.makeUnaryRequest(
    '/meseta.trial.v1.EchoService/Echo',
    text,
    parse,
    request,
    metadata,
    options,
    (e, r) => callback(e, r ?? { text: '' }),
  );

const base = {
  host: '127.0.0.1',
  port: 0,
  insecure: false,
  services: [
    { definition, implementation: { echo: unaryHandler(echo) }, fullName: 'meseta.trial.v1.EchoService' },
  ],
  healthy: () => healthy,
  log: createLogger(
    'trial',
    'info',
    new Writable({ write: (chunk: Buffer, _encoding, done) => (logged.push(chunk.toString()), done()) }),
  ),
};

beforeAll(async () => {
  server = await startGrpcServer({ ...base, protoRoot: protoRoot() });
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

test('reflection lists the service, in both versions of its protocol', async () => {
  for (const version of ['v1', 'v1alpha'] as const) {
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
      info.responseDeserialize as (bytes: Buffer) => {
        listServicesResponse?: { service: { name: string }[] };
      },
    );
    const names = await new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('data', (message: { listServicesResponse?: { service: { name: string }[] } }) =>
        resolve(message.listServicesResponse?.service.map((one) => one.name)),
      );
      stream.write({ listServices: '*' });
    });
    stream.end();
    expect(names).toEqual(['meseta.trial.v1.EchoService']);
  }
});

test('a port in use, a public address and a service without proto are refused in one line each', async () => {
  const port = Number(server.address.split(':')[1]);
  const root = protoRoot();
  await expect(startGrpcServer({ ...base, port, protoRoot: root })).rejects.toThrow(
    `port ${port} of 127.0.0.1 is in use (--port)`,
  );
  await expect(startGrpcServer({ ...base, host: '0.0.0.0', protoRoot: root })).rejects.toThrow(
    'refusing to listen on 0.0.0.0: no certificates are configured; give --insecure to listen there without them',
  );
  const services = [
    { ...(base.services[0] as (typeof base.services)[number]), fullName: 'meseta.trial.v1.Other' },
  ];
  await expect(startGrpcServer({ ...base, services, protoRoot: root })).rejects.toThrow(
    `no .proto file under ${root} defines the service meseta.trial.v1.Other`,
  );
});
